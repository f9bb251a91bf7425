import React from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { formatAmount } from '../../util/payouts';
import { SecondaryButton } from '../../components';

import css from '../PayoutsPage/PayoutsPage.module.css';

const DAY_S = 24 * 60 * 60;

// What would become of what is owed in one currency. A figure that is not known has a note that says why.
const Terms = ({ terms, isOneOfMany }) => {
  const intl = useIntl();
  const { fee, fee_note: feeNote, amount, amount_note: amountNote } = terms;
  const { arrives_within_s: arrivesWithin, arrival_note: arrivalNote } = terms;

  return (
    <ul className={css.list}>
      {isOneOfMany ? (
        <li className={css.quiet}>
          <FormattedMessage
            id="PayoutSettingsPage.ofCurrency"
            values={{ currency: terms.owed_currency }}
          />
        </li>
      ) : null}
      {amount ? (
        <li>
          <FormattedMessage id="PayoutSettingsPage.amount" values={{ amount: formatAmount(intl, amount) }} />
        </li>
      ) : null}
      {fee ? (
        <li>
          <FormattedMessage id="PayoutSettingsPage.fee" values={{ fee: formatAmount(intl, fee) }} />
        </li>
      ) : null}
      {arrivesWithin === null ? null : (
        <li>
          <FormattedMessage
            id="PayoutSettingsPage.arrives"
            values={{ days: Math.max(1, Math.ceil(arrivesWithin / DAY_S)) }}
          />
        </li>
      )}
      {[...new Set([amountNote, feeNote, arrivalNote])].filter(Boolean).map(note => (
        <li key={note} className={css.quiet}>
          {note}
        </li>
      ))}
    </ul>
  );
};

Terms.propTypes = { terms: PropTypes.object.isRequired, isOneOfMany: PropTypes.bool.isRequired };

/**
 * A payout service: what it would pay, or why it cannot.
 *
 * @param {Object} props
 * @param {Object} props.offer - As the API gives it
 * @param {boolean} props.mayChoose
 * @param {Function} props.onChoose
 * @returns {JSX.Element}
 */
const Offer = ({ offer, mayChoose, onChoose }) => (
  <li className={css.card}>
    <strong>{offer.label}</strong>
    {offer.offered ? null : <p className={css.quiet}>{offer.why_not}</p>}
    {offer.terms.map(terms => (
      <Terms key={terms.owed_currency} terms={terms} isOneOfMany={offer.terms.length > 1} />
    ))}
    {offer.offered && mayChoose ? (
      <div className={css.buttons}>
        <SecondaryButton type="button" onClick={onChoose}>
          <FormattedMessage id="PayoutSettingsPage.choose" values={{ label: offer.label }} />
        </SecondaryButton>
      </div>
    ) : null}
  </li>
);

Offer.propTypes = {
  offer: PropTypes.object.isRequired,
  mayChoose: PropTypes.bool.isRequired,
  onChoose: PropTypes.func.isRequired,
};

export default Offer;
