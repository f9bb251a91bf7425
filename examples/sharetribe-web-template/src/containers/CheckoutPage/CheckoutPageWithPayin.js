import React, { useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage } from '../../util/reactIntl';
import { formatMoney } from '../../util/currency';
import { beginCheckout } from '../../util/payouts';
import { H3, NamedLink, Page, PrimaryButton, TopbarSimplified } from '../../components';
import { getProcess } from '../../transactions/transaction';

import ErrorText from '../PayoutsPage/ErrorText';

import css from '../PayoutsPage/PayoutsPage.module.css';

const orderParamsOf = pageData => {
  const { listing, orderData = {} } = pageData;
  const { quantity, deliveryMethod, bookingDates } = orderData;
  return {
    listingId: listing.id,
    ...(quantity ? { quantity } : {}),
    ...(deliveryMethod ? { deliveryMethod } : {}),
    ...(bookingDates ? { bookingDates } : {}),
    protectedData: deliveryMethod ? { deliveryMethod } : {},
  };
};

/**
 * Checkout for processes without Stripe: the transaction is initiated, and the buyer pays elsewhere.
 *
 * It takes what CheckoutPage gives to CheckoutPageWithPayment. How much is to be paid is decided by the server, from
 * the transaction that was made.
 *
 * @param {Object} props
 * @returns {JSX.Element}
 */
const CheckoutPageWithPayin = props => {
  const { title, listingTitle, pageData, processName, scrollingDisabled } = props;
  const { onInitiateOrder, onSubmitCallback, speculatedTransaction } = props;
  const [transaction, setTransaction] = useState(pageData.transaction || null);
  const [inProgress, setInProgress] = useState(false);
  const [error, setError] = useState(null);

  const { transitions, isPrivileged } = getProcess(processName);
  const isInquiry = transaction?.attributes?.lastTransition === transitions.INQUIRE;
  const total = (speculatedTransaction || transaction)?.attributes?.payinTotal;

  // A transaction that was initiated is kept: who comes back from a payment that failed pays that one.
  const initiate = () => {
    if (transaction && !isInquiry) {
      return Promise.resolve(transaction);
    }
    const alias = pageData.listing.attributes.publicData.transactionProcessAlias;
    const transition = isInquiry ? transitions.REQUEST_PAYMENT_AFTER_INQUIRY : transitions.REQUEST_PAYMENT;
    return onInitiateOrder(
      orderParamsOf(pageData),
      alias,
      transaction?.id,
      transition,
      isPrivileged(transition)
    );
  };

  const pay = () => {
    setInProgress(true);
    setError(null);
    initiate()
      .then(order => {
        setTransaction(order);
        return beginCheckout(order.id.uuid);
      })
      .then(({ url }) => {
        onSubmitCallback();
        window.location.assign(url);
      })
      .catch(e => {
        console.error(e);
        setError(e);
        setInProgress(false);
      });
  };

  return (
    <Page title={title} scrollingDisabled={scrollingDisabled}>
      <TopbarSimplified />
      <main className={css.content}>
        <H3 as="h1">{title}</H3>
        <p>{listingTitle}</p>
        {total ? (
          <p>
            <FormattedMessage
              id="CheckoutPageWithPayin.total"
              values={{ total: formatMoney(props.intl, total) }}
            />
          </p>
        ) : null}
        <ErrorText error={error} />
        <PrimaryButton type="button" inProgress={inProgress} disabled={inProgress} onClick={pay}>
          <FormattedMessage id="CheckoutPageWithPayin.pay" />
        </PrimaryButton>
        {transaction && error ? (
          <p>
            <NamedLink name="OrderDetailsPage" params={{ id: transaction.id.uuid }}>
              <FormattedMessage id="CheckoutPageWithPayin.toOrder" />
            </NamedLink>
          </p>
        ) : null}
      </main>
    </Page>
  );
};

CheckoutPageWithPayin.propTypes = {
  intl: PropTypes.object.isRequired,
  title: PropTypes.string.isRequired,
  listingTitle: PropTypes.string,
  processName: PropTypes.string.isRequired,
  pageData: PropTypes.object.isRequired,
  speculatedTransaction: PropTypes.object,
  scrollingDisabled: PropTypes.bool.isRequired,
  onInitiateOrder: PropTypes.func.isRequired,
  onSubmitCallback: PropTypes.func.isRequired,
};

export default CheckoutPageWithPayin;
