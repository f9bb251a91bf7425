// Stands in for the template's CheckoutPage: what it gives to the page of a process.

import React from 'react';
import { useIntl } from 'react-intl';

import { initiatePrivileged } from '../../util/api';
import CheckoutPageWithPayin from './CheckoutPageWithPayin';

const initiateOrder = (params, processAlias, transactionId, transition) => {
  const { quantity, ...rest } = params;
  return initiatePrivileged({ orderData: { quantity }, bodyParams: { processAlias, transition, params: rest } });
};

const CheckoutPage = ({ params }) => {
  const intl = useIntl();
  const publicData = { transactionProcessAlias: 'payout-process/release-1' };
  return (
    <CheckoutPageWithPayin
      intl={intl}
      title={intl.formatMessage({ id: 'CheckoutPage.payout-process.title' })}
      listingTitle="A chair"
      processName="payout-process"
      pageData={{
        listing: { id: { uuid: params.id }, attributes: { publicData } },
        orderData: { quantity: 2 },
      }}
      speculatedTransaction={{ attributes: { payinTotal: { amount: 8000, currency: 'EUR' } } }}
      scrollingDisabled={false}
      onInitiateOrder={initiateOrder}
      onSubmitCallback={() => {}}
    />
  );
};

export default CheckoutPage;
