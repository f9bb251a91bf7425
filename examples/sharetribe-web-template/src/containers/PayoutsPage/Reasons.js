import React from 'react';
import PropTypes from 'prop-types';

import { NamedLink } from '../../components';
import { FormattedMessage } from '../../util/reactIntl';

import css from './PayoutsPage.module.css';

// What the payee can mend by choosing or confirming a payout method.
const MENDED_BY_A_METHOD = [
  'method_missing',
  'method_unconfirmed',
  'method_currency',
  'not_accepted_method',
];

/**
 * Why something is not paid yet. The sentences come from the API and are shown as they are.
 *
 * @param {Object} props
 * @param {Array<{code: string, sentence: string}>} props.why
 * @returns {JSX.Element?}
 */
const Reasons = ({ why }) =>
  why.length ? (
    <ul className={css.list}>
      {why.map(({ code, sentence }) => (
        <li key={code + sentence}>
          {sentence}{' '}
          {MENDED_BY_A_METHOD.includes(code) ? (
            <NamedLink name="PayoutSettingsPage">
              <FormattedMessage id="Payouts.mendMethod" />
            </NamedLink>
          ) : null}
        </li>
      ))}
    </ul>
  ) : null;

Reasons.propTypes = {
  why: PropTypes.arrayOf(
    PropTypes.shape({ code: PropTypes.string.isRequired, sentence: PropTypes.string.isRequired })
  ).isRequired,
};

export default Reasons;
