"""Numbers in groups of three, and dates without the word for day in front of every one."""

NUMBER_GROUPING = 3
DATE_FORMAT = r"j \t\há\n\g n, Y"
DATETIME_FORMAT = r"H:i, j \t\há\n\g n, Y"
SHORT_DATE_FORMAT = "d/m/Y"
