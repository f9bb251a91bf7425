import React, { useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage } from '../../util/reactIntl';
import { confirmLogIn } from '../../util/payouts';
import { PrimaryButton, SecondaryButton } from '../../components';

import ErrorText from '../PayoutsPage/ErrorText';

import css from '../PayoutsPage/PayoutsPage.module.css';

/**
 * Asks for the password once more.
 *
 * @param {Object} props
 * @param {Function} props.onConfirmed - Called once Sharetribe took the password
 * @param {Function} props.onCancel
 * @returns {JSX.Element}
 */
const ConfirmLogIn = ({ onConfirmed, onCancel }) => {
  const [password, setPassword] = useState('');
  const [inProgress, setInProgress] = useState(false);
  const [error, setError] = useState(null);

  const confirm = event => {
    event.preventDefault();
    setInProgress(true);
    setError(null);
    confirmLogIn(password)
      .then(onConfirmed)
      .catch(e => {
        setError(e);
        setInProgress(false);
      });
  };

  return (
    <form className={css.card} onSubmit={confirm}>
      <p>
        <FormattedMessage id="PayoutSettingsPage.confirmLogIn" />
      </p>
      <label htmlFor="ConfirmLogIn.password">
        <FormattedMessage id="PayoutSettingsPage.password" />
      </label>
      <input
        id="ConfirmLogIn.password"
        type="password"
        autoComplete="current-password"
        autoFocus
        required
        value={password}
        onChange={event => setPassword(event.target.value)}
      />
      <ErrorText error={error} />
      <div className={css.buttons}>
        <PrimaryButton type="submit" inProgress={inProgress} disabled={inProgress || !password}>
          <FormattedMessage id="PayoutSettingsPage.goOn" />
        </PrimaryButton>
        <SecondaryButton type="button" onClick={onCancel}>
          <FormattedMessage id="PayoutSettingsPage.cancel" />
        </SecondaryButton>
      </div>
    </form>
  );
};

ConfirmLogIn.propTypes = {
  onConfirmed: PropTypes.func.isRequired,
  onCancel: PropTypes.func.isRequired,
};

export default ConfirmLogIn;
