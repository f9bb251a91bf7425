export const showCreateListingLinkForUser = () => true;
export const showPaymentDetailsForUser = () => ({ showPaymentMethods: true, showPayoutDetails: true });
