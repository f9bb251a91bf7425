export const useConfiguration = () => ({});
