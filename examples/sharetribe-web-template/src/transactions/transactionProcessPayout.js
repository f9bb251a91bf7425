/**
 * Transaction process graph of payout-process, for orders that are paid without Stripe.
 *
 * Keep it as it is in process.edn of Marketplace Payouts (examples/process).
 */

export const transitions = {
  INQUIRE: 'transition/inquire',
  REQUEST_PAYMENT: 'transition/request-payment',
  REQUEST_PAYMENT_AFTER_INQUIRY: 'transition/request-payment-after-inquiry',

  // Marketplace Payouts makes it, once it was told that the money came.
  OPERATOR_CONFIRM_PAYMENT: 'transition/operator-confirm-payment',
  EXPIRE_PAYMENT: 'transition/expire-payment',

  MARK_DELIVERED: 'transition/mark-delivered',
  OPERATOR_MARK_DELIVERED: 'transition/operator-mark-delivered',

  // With these the payout to the provider falls due.
  MARK_RECEIVED: 'transition/mark-received',
  AUTO_MARK_RECEIVED: 'transition/auto-mark-received',
  MARK_RECEIVED_FROM_DISPUTED: 'transition/mark-received-from-disputed',

  DISPUTE: 'transition/dispute',
  CANCEL: 'transition/cancel',
  CANCEL_FROM_DISPUTED: 'transition/cancel-from-disputed',
  OPERATOR_REFUND: 'transition/operator-refund',
  OPERATOR_ADJUST: 'transition/operator-adjust',
  OPERATOR_REFUND_AFTER_PAYOUT: 'transition/operator-refund-after-payout',
  OPERATOR_ADJUST_AFTER_PAYOUT: 'transition/operator-adjust-after-payout',

  // Marketplace Payouts makes these: what became of the payout.
  OPERATOR_MARK_PAYOUT_SENT: 'transition/operator-mark-payout-sent',
  OPERATOR_MARK_PAYOUT_PAID: 'transition/operator-mark-payout-paid',
  OPERATOR_MARK_PAYOUT_FAILED: 'transition/operator-mark-payout-failed',
  OPERATOR_MARK_PAYOUT_RETURNED: 'transition/operator-mark-payout-returned',
};

export const states = {
  INITIAL: 'initial',
  INQUIRY: 'inquiry',
  PENDING_PAYMENT: 'pending-payment',
  PAYMENT_EXPIRED: 'payment-expired',
  PURCHASED: 'purchased',
  DELIVERED: 'delivered',
  RECEIVED: 'received',
  DISPUTED: 'disputed',
  CANCELED: 'canceled',
  REFUNDED: 'refunded',
  PAYOUT_SENT: 'payout-sent',
  PAYOUT_PAID: 'payout-paid',
};

export const graph = {
  id: 'payout-process/release-1',
  initial: states.INITIAL,
  states: {
    [states.INITIAL]: {
      on: {
        [transitions.INQUIRE]: states.INQUIRY,
        [transitions.REQUEST_PAYMENT]: states.PENDING_PAYMENT,
      },
    },
    [states.INQUIRY]: {
      on: { [transitions.REQUEST_PAYMENT_AFTER_INQUIRY]: states.PENDING_PAYMENT },
    },
    [states.PENDING_PAYMENT]: {
      on: {
        [transitions.OPERATOR_CONFIRM_PAYMENT]: states.PURCHASED,
        [transitions.EXPIRE_PAYMENT]: states.PAYMENT_EXPIRED,
      },
    },
    [states.PAYMENT_EXPIRED]: { type: 'final' },
    [states.PURCHASED]: {
      on: {
        [transitions.MARK_DELIVERED]: states.DELIVERED,
        [transitions.OPERATOR_MARK_DELIVERED]: states.DELIVERED,
        [transitions.CANCEL]: states.CANCELED,
      },
    },
    [states.DELIVERED]: {
      on: {
        [transitions.MARK_RECEIVED]: states.RECEIVED,
        [transitions.AUTO_MARK_RECEIVED]: states.RECEIVED,
        [transitions.DISPUTE]: states.DISPUTED,
      },
    },
    [states.DISPUTED]: {
      on: {
        [transitions.MARK_RECEIVED_FROM_DISPUTED]: states.RECEIVED,
        [transitions.CANCEL_FROM_DISPUTED]: states.CANCELED,
      },
    },
    [states.CANCELED]: { type: 'final' },
    [states.RECEIVED]: {
      on: {
        [transitions.OPERATOR_REFUND]: states.REFUNDED,
        [transitions.OPERATOR_ADJUST]: states.RECEIVED,
        [transitions.OPERATOR_MARK_PAYOUT_SENT]: states.PAYOUT_SENT,
      },
    },
    [states.PAYOUT_SENT]: {
      on: {
        [transitions.OPERATOR_MARK_PAYOUT_PAID]: states.PAYOUT_PAID,
        [transitions.OPERATOR_MARK_PAYOUT_FAILED]: states.RECEIVED,
      },
    },
    [states.PAYOUT_PAID]: {
      on: {
        [transitions.OPERATOR_REFUND_AFTER_PAYOUT]: states.REFUNDED,
        [transitions.OPERATOR_ADJUST_AFTER_PAYOUT]: states.PAYOUT_PAID,
        [transitions.OPERATOR_MARK_PAYOUT_RETURNED]: states.RECEIVED,
      },
    },
    [states.REFUNDED]: { type: 'final' },
  },
};

// What the activity feed shows.
export const isRelevantPastTransition = transition =>
  [
    transitions.OPERATOR_CONFIRM_PAYMENT,
    transitions.MARK_DELIVERED,
    transitions.OPERATOR_MARK_DELIVERED,
    transitions.MARK_RECEIVED,
    transitions.AUTO_MARK_RECEIVED,
    transitions.MARK_RECEIVED_FROM_DISPUTED,
    transitions.DISPUTE,
    transitions.CANCEL,
    transitions.CANCEL_FROM_DISPUTED,
    transitions.OPERATOR_REFUND,
    transitions.OPERATOR_REFUND_AFTER_PAYOUT,
  ].includes(transition);

// The process has no reviews.
export const isCustomerReview = () => false;
export const isProviderReview = () => false;

// These need line items, which the template's own server adds.
export const isPrivileged = transition =>
  [transitions.REQUEST_PAYMENT, transitions.REQUEST_PAYMENT_AFTER_INQUIRY].includes(transition);

export const isCompleted = transition =>
  [
    transitions.MARK_RECEIVED,
    transitions.AUTO_MARK_RECEIVED,
    transitions.MARK_RECEIVED_FROM_DISPUTED,
    transitions.OPERATOR_MARK_PAYOUT_SENT,
    transitions.OPERATOR_MARK_PAYOUT_PAID,
    transitions.OPERATOR_MARK_PAYOUT_FAILED,
    transitions.OPERATOR_MARK_PAYOUT_RETURNED,
  ].includes(transition);

export const isRefunded = transition =>
  [
    transitions.EXPIRE_PAYMENT,
    transitions.CANCEL,
    transitions.CANCEL_FROM_DISPUTED,
    transitions.OPERATOR_REFUND,
    transitions.OPERATOR_REFUND_AFTER_PAYOUT,
  ].includes(transition);

export const statesNeedingProviderAttention = [states.PURCHASED];
export const statesNeedingCustomerAttention = [states.DELIVERED];
