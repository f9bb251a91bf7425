"""The names of countries in the languages that payees speak, as CLDR has them; a test holds the two equal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

_ENGLISH: Final = """\
AD Andorra
AE United Arab Emirates
AF Afghanistan
AG Antigua & Barbuda
AI Anguilla
AL Albania
AM Armenia
AO Angola
AQ Antarctica
AR Argentina
AS American Samoa
AT Austria
AU Australia
AW Aruba
AX Åland Islands
AZ Azerbaijan
BA Bosnia & Herzegovina
BB Barbados
BD Bangladesh
BE Belgium
BF Burkina Faso
BG Bulgaria
BH Bahrain
BI Burundi
BJ Benin
BL St Barthélemy
BM Bermuda
BN Brunei
BO Bolivia
BQ Caribbean Netherlands
BR Brazil
BS Bahamas
BT Bhutan
BV Bouvet Island
BW Botswana
BY Belarus
BZ Belize
CA Canada
CC Cocos (Keeling) Islands
CD Congo - Kinshasa
CF Central African Republic
CG Congo - Brazzaville
CH Switzerland
CI Côte d’Ivoire
CK Cook Islands
CL Chile
CM Cameroon
CN China
CO Colombia
CR Costa Rica
CU Cuba
CV Cape Verde
CW Curaçao
CX Christmas Island
CY Cyprus
CZ Czechia
DE Germany
DJ Djibouti
DK Denmark
DM Dominica
DO Dominican Republic
DZ Algeria
EC Ecuador
EE Estonia
EG Egypt
EH Western Sahara
ER Eritrea
ES Spain
ET Ethiopia
FI Finland
FJ Fiji
FK Falkland Islands
FM Micronesia
FO Faroe Islands
FR France
GA Gabon
GB United Kingdom
GD Grenada
GE Georgia
GF French Guiana
GG Guernsey
GH Ghana
GI Gibraltar
GL Greenland
GM Gambia
GN Guinea
GP Guadeloupe
GQ Equatorial Guinea
GR Greece
GS South Georgia & South Sandwich Islands
GT Guatemala
GU Guam
GW Guinea-Bissau
GY Guyana
HK Hong Kong SAR China
HM Heard Island & McDonald Islands
HN Honduras
HR Croatia
HT Haiti
HU Hungary
ID Indonesia
IE Ireland
IL Israel
IM Isle of Man
IN India
IO British Indian Ocean Territory
IQ Iraq
IR Iran
IS Iceland
IT Italy
JE Jersey
JM Jamaica
JO Jordan
JP Japan
KE Kenya
KG Kyrgyzstan
KH Cambodia
KI Kiribati
KM Comoros
KN St Kitts & Nevis
KP North Korea
KR South Korea
KW Kuwait
KY Cayman Islands
KZ Kazakhstan
LA Laos
LB Lebanon
LC St Lucia
LI Liechtenstein
LK Sri Lanka
LR Liberia
LS Lesotho
LT Lithuania
LU Luxembourg
LV Latvia
LY Libya
MA Morocco
MC Monaco
MD Moldova
ME Montenegro
MF St Martin
MG Madagascar
MH Marshall Islands
MK North Macedonia
ML Mali
MM Myanmar (Burma)
MN Mongolia
MO Macao SAR China
MP Northern Mariana Islands
MQ Martinique
MR Mauritania
MS Montserrat
MT Malta
MU Mauritius
MV Maldives
MW Malawi
MX Mexico
MY Malaysia
MZ Mozambique
NA Namibia
NC New Caledonia
NE Niger
NF Norfolk Island
NG Nigeria
NI Nicaragua
NL Netherlands
NO Norway
NP Nepal
NR Nauru
NU Niue
NZ New Zealand
OM Oman
PA Panama
PE Peru
PF French Polynesia
PG Papua New Guinea
PH Philippines
PK Pakistan
PL Poland
PM St Pierre & Miquelon
PN Pitcairn Islands
PR Puerto Rico
PS Palestinian Territories
PT Portugal
PW Palau
PY Paraguay
QA Qatar
RE Réunion
RO Romania
RS Serbia
RU Russia
RW Rwanda
SA Saudi Arabia
SB Solomon Islands
SC Seychelles
SD Sudan
SE Sweden
SG Singapore
SH St Helena, Ascension & Tristan da Cunha
SI Slovenia
SJ Svalbard & Jan Mayen
SK Slovakia
SL Sierra Leone
SM San Marino
SN Senegal
SO Somalia
SR Suriname
SS South Sudan
ST São Tomé & Príncipe
SV El Salvador
SX Sint Maarten
SY Syria
SZ Eswatini
TC Turks & Caicos Islands
TD Chad
TF French Southern and Antarctic Lands
TG Togo
TH Thailand
TJ Tajikistan
TK Tokelau
TL Timor-Leste
TM Turkmenistan
TN Tunisia
TO Tonga
TR Türkiye
TT Trinidad & Tobago
TV Tuvalu
TW Taiwan
TZ Tanzania
UA Ukraine
UG Uganda
UM US Outlying Islands
US United States
UY Uruguay
UZ Uzbekistan
VA Vatican City
VC St Vincent & the Grenadines
VE Venezuela
VG British Virgin Islands
VI US Virgin Islands
VN Vietnam
VU Vanuatu
WF Wallis & Futuna
WS Samoa
YE Yemen
YT Mayotte
ZA South Africa
ZM Zambia
ZW Zimbabwe
"""
_VIETNAMESE: Final = """\
AD Andorra
AE Các Tiểu Vương quốc Ả Rập Thống nhất
AF Afghanistan
AG Antigua và Barbuda
AI Anguilla
AL Albania
AM Armenia
AO Angola
AQ Nam Cực
AR Argentina
AS Samoa thuộc Mỹ
AT Áo
AU Úc
AW Aruba
AX Quần đảo Åland
AZ Azerbaijan
BA Bosnia và Herzegovina
BB Barbados
BD Bangladesh
BE Bỉ
BF Burkina Faso
BG Bulgaria
BH Bahrain
BI Burundi
BJ Benin
BL St. Barthélemy
BM Bermuda
BN Brunei
BO Bolivia
BQ Ca-ri-bê Hà Lan
BR Brazil
BS Bahamas
BT Bhutan
BV Đảo Bouvet
BW Botswana
BY Belarus
BZ Belize
CA Canada
CC Quần đảo Cocos (Keeling)
CD Congo - Kinshasa
CF Cộng hòa Trung Phi
CG Congo - Brazzaville
CH Thụy Sĩ
CI Côte d’Ivoire
CK Quần đảo Cook
CL Chile
CM Cameroon
CN Trung Quốc
CO Colombia
CR Costa Rica
CU Cuba
CV Cape Verde
CW Curaçao
CX Đảo Giáng Sinh
CY Síp
CZ Séc
DE Đức
DJ Djibouti
DK Đan Mạch
DM Dominica
DO Cộng hòa Dominica
DZ Algeria
EC Ecuador
EE Estonia
EG Ai Cập
EH Tây Sahara
ER Eritrea
ES Tây Ban Nha
ET Ethiopia
FI Phần Lan
FJ Fiji
FK Quần đảo Falkland
FM Micronesia
FO Quần đảo Faroe
FR Pháp
GA Gabon
GB Vương quốc Anh
GD Grenada
GE Georgia
GF Guiana thuộc Pháp
GG Guernsey
GH Ghana
GI Gibraltar
GL Greenland
GM Gambia
GN Guinea
GP Guadeloupe
GQ Guinea Xích Đạo
GR Hy Lạp
GS Nam Georgia & Quần đảo Nam Sandwich
GT Guatemala
GU Guam
GW Guinea-Bissau
GY Guyana
HK Đặc khu Hành chính Hồng Kông, Trung Quốc
HM Quần đảo Heard và McDonald
HN Honduras
HR Croatia
HT Haiti
HU Hungary
ID Indonesia
IE Ireland
IL Israel
IM Đảo Man
IN Ấn Độ
IO Lãnh thổ Ấn Độ Dương thuộc Anh
IQ Iraq
IR Iran
IS Iceland
IT Italy
JE Jersey
JM Jamaica
JO Jordan
JP Nhật Bản
KE Kenya
KG Kyrgyzstan
KH Campuchia
KI Kiribati
KM Comoros
KN St. Kitts và Nevis
KP Triều Tiên
KR Hàn Quốc
KW Kuwait
KY Quần đảo Cayman
KZ Kazakhstan
LA Lào
LB Li-băng
LC St. Lucia
LI Liechtenstein
LK Sri Lanka
LR Liberia
LS Lesotho
LT Litva
LU Luxembourg
LV Latvia
LY Libya
MA Ma-rốc
MC Monaco
MD Moldova
ME Montenegro
MF St. Martin
MG Madagascar
MH Quần đảo Marshall
MK Bắc Macedonia
ML Mali
MM Myanmar (Miến Điện)
MN Mông Cổ
MO Đặc khu Hành chính Macao, Trung Quốc
MP Quần đảo Bắc Mariana
MQ Martinique
MR Mauritania
MS Montserrat
MT Malta
MU Mauritius
MV Maldives
MW Malawi
MX Mexico
MY Malaysia
MZ Mozambique
NA Namibia
NC New Caledonia
NE Niger
NF Đảo Norfolk
NG Nigeria
NI Nicaragua
NL Hà Lan
NO Na Uy
NP Nepal
NR Nauru
NU Niue
NZ New Zealand
OM Oman
PA Panama
PE Peru
PF Polynesia thuộc Pháp
PG Papua New Guinea
PH Philippines
PK Pakistan
PL Ba Lan
PM Saint Pierre và Miquelon
PN Quần đảo Pitcairn
PR Puerto Rico
PS Lãnh thổ Palestine
PT Bồ Đào Nha
PW Palau
PY Paraguay
QA Qatar
RE Réunion
RO Romania
RS Serbia
RU Nga
RW Rwanda
SA Ả Rập Xê-út
SB Quần đảo Solomon
SC Seychelles
SD Sudan
SE Thụy Điển
SG Singapore
SH St. Helena
SI Slovenia
SJ Svalbard và Jan Mayen
SK Slovakia
SL Sierra Leone
SM San Marino
SN Senegal
SO Somalia
SR Suriname
SS Nam Sudan
ST São Tomé và Príncipe
SV El Salvador
SX Sint Maarten
SY Syria
SZ Eswatini
TC Quần đảo Turks và Caicos
TD Chad
TF Lãnh thổ phía Nam Thuộc Pháp
TG Togo
TH Thái Lan
TJ Tajikistan
TK Tokelau
TL Timor-Leste
TM Turkmenistan
TN Tunisia
TO Tonga
TR Thổ Nhĩ Kỳ
TT Trinidad và Tobago
TV Tuvalu
TW Đài Loan
TZ Tanzania
UA Ukraina
UG Uganda
UM Các tiểu đảo xa của Hoa Kỳ
US Hoa Kỳ
UY Uruguay
UZ Uzbekistan
VA Thành Vatican
VC St. Vincent và Grenadines
VE Venezuela
VG Quần đảo Virgin thuộc Anh
VI Quần đảo Virgin thuộc Hoa Kỳ
VN Việt Nam
VU Vanuatu
WF Wallis và Futuna
WS Samoa
YE Yemen
YT Mayotte
ZA Nam Phi
ZM Zambia
ZW Zimbabwe
"""


def _read(table: str) -> Mapping[str, str]:
    return dict(line.split(" ", 1) for line in table.splitlines())


NAMES: Final[Mapping[str, Mapping[str, str]]] = {"en-gb": _read(_ENGLISH), "vi": _read(_VIETNAMESE)}
"""By language and code of ISO 3166-1."""


def sorted_for(language: str) -> Sequence[tuple[str, str]]:
    """This will give codes and names, by name."""
    return sorted(NAMES[language].items(), key=lambda pair: _plain(pair[1]))


def _plain(name: str) -> str:
    """Å stands with A and Đ with D, where people look for them."""
    folded = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d"))
    return "".join(sign for sign in folded if not unicodedata.combining(sign)).casefold()
