import React, { useEffect, useState } from 'react';
import PropTypes from 'prop-types';
import { useSelector } from 'react-redux';

import { isScrollingDisabled } from '../../ducks/ui.duck';
import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { beginCheckout, confirmCheckout } from '../../util/payouts';
import { H3, NamedLink, Page, PrimaryButton, TopbarSimplified } from '../../components';

import ErrorText from '../PayoutsPage/ErrorText';

import css from '../PayoutsPage/PayoutsPage.module.css';

/**
 * Where buyers come back to after they paid, or did not. What became of the payment is looked up by the server; the
 * address says only which payment it is.
 *
 * @param {Object} props
 * @param {Object} props.params - Of the route: the transaction's id
 * @param {Object} props.location - With the payment's id, as PayPal adds it
 * @returns {JSX.Element}
 */
const PayinReturnPage = ({ params, location }) => {
  const intl = useIntl();
  const scrollingDisabled = useSelector(isScrollingDisabled);
  const search = new URLSearchParams(location.search);
  const orderId = search.get('token') || '';
  const wasCancelled = !!search.get('cancelled');
  const [state, setState] = useState(wasCancelled ? 'cancelled' : 'looking');
  const [error, setError] = useState(null);

  const confirm = () => {
    setError(null);
    setState('looking');
    confirmCheckout(params.id, orderId)
      .then(told => setState(told.state))
      .catch(e => {
        setError(e);
        setState('unclear');
      });
  };
  const payAgain = () =>
    beginCheckout(params.id)
      .then(({ url }) => window.location.assign(url))
      .catch(setError);

  useEffect(() => {
    if (!wasCancelled) {
      confirm();
    }
  }, []);

  const title = intl.formatMessage({ id: 'PayinReturnPage.title' });
  return (
    <Page title={title} scrollingDisabled={scrollingDisabled}>
      <TopbarSimplified />
      <main className={css.content}>
        <H3 as="h1">{title}</H3>
        <p role="status">
          <FormattedMessage id={`PayinReturnPage.${state}`} />
        </p>
        <ErrorText error={error} />
        <div className={css.buttons}>
          {state === 'unclear' ? (
            <PrimaryButton type="button" onClick={confirm}>
              <FormattedMessage id="PayinReturnPage.lookAgain" />
            </PrimaryButton>
          ) : null}
          {['cancelled', 'failed'].includes(state) ? (
            <PrimaryButton type="button" onClick={payAgain}>
              <FormattedMessage id="PayinReturnPage.payAgain" />
            </PrimaryButton>
          ) : null}
        </div>
        <p>
          <NamedLink name="OrderDetailsPage" params={{ id: params.id }}>
            <FormattedMessage id="PayinReturnPage.toOrder" />
          </NamedLink>
        </p>
      </main>
    </Page>
  );
};

PayinReturnPage.propTypes = {
  params: PropTypes.shape({ id: PropTypes.string.isRequired }).isRequired,
  location: PropTypes.shape({ search: PropTypes.string.isRequired }).isRequired,
};

export default PayinReturnPage;
