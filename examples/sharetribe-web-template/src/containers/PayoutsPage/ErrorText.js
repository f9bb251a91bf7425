import React from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage } from '../../util/reactIntl';
import { PayoutsError } from '../../util/payouts';

import css from './PayoutsPage.module.css';

/**
 * What went wrong, in the words of the API where it said some.
 *
 * @param {Object} props
 * @param {Error?} props.error
 * @returns {JSX.Element?}
 */
const ErrorText = ({ error }) =>
  error ? (
    <p role="alert" className={css.error}>
      {error instanceof PayoutsError && error.code !== 'unknown' ? (
        error.message
      ) : (
        <FormattedMessage id="Payouts.somethingWentWrong" />
      )}
    </p>
  ) : null;

ErrorText.propTypes = { error: PropTypes.instanceOf(Error) };

export default ErrorText;
