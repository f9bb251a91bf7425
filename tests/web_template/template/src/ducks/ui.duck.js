export const isScrollingDisabled = () => false;
