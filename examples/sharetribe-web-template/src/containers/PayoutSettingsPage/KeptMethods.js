import React, { useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { mailConfirmation, makeDefault, retireMethod } from '../../util/payouts';
import { PrimaryButton, SecondaryButton } from '../../components';

import ErrorText from '../PayoutsPage/ErrorText';

import css from '../PayoutsPage/PayoutsPage.module.css';

const Method = ({ method, mayChange, run, onChanged }) => {
  const intl = useIntl();
  const [isRetiring, setIsRetiring] = useState(false);
  const [isMailed, setIsMailed] = useState(false);
  const [error, setError] = useState(null);
  const { id, label, masked, standing, detail, usable_from: usableFrom, if_retired: ifRetired } = method;

  const change = action => () => {
    setError(null);
    return run(() => action(id))
      .then(onChanged)
      .catch(setError);
  };
  const mail = () => {
    setError(null);
    run(() => mailConfirmation(id))
      .then(() => setIsMailed(true))
      .catch(setError);
  };

  return (
    <li className={css.card}>
      <div className={css.row}>
        <strong>
          {label}, {masked}
        </strong>
        {method.default ? (
          <span>
            <FormattedMessage id="PayoutSettingsPage.default" />
          </span>
        ) : null}
      </div>
      <p>{detail}</p>
      {standing === 'cooling_down' ? (
        <p className={css.quiet}>
          <FormattedMessage
            id="PayoutSettingsPage.usableFrom"
            values={{ date: intl.formatDate(usableFrom, { dateStyle: 'long', timeStyle: 'short' }) }}
          />
        </p>
      ) : null}
      <ErrorText error={error} />
      {isMailed ? (
        <p role="status">
          <FormattedMessage id="PayoutSettingsPage.mailed" />
        </p>
      ) : null}
      {!mayChange ? null : isRetiring ? (
        <>
          <p>{ifRetired}</p>
          <div className={css.buttons}>
            <PrimaryButton type="button" onClick={change(retireMethod)}>
              <FormattedMessage id="PayoutSettingsPage.reallyRetire" />
            </PrimaryButton>
            <SecondaryButton type="button" onClick={() => setIsRetiring(false)}>
              <FormattedMessage id="PayoutSettingsPage.cancel" />
            </SecondaryButton>
          </div>
        </>
      ) : (
        <div className={css.buttons}>
          {standing === 'unconfirmed' && !isMailed ? (
            <SecondaryButton type="button" onClick={mail}>
              <FormattedMessage id="PayoutSettingsPage.mailAgain" />
            </SecondaryButton>
          ) : null}
          {method.default ? null : (
            <SecondaryButton type="button" onClick={change(makeDefault)}>
              <FormattedMessage id="PayoutSettingsPage.makeDefault" />
            </SecondaryButton>
          )}
          <SecondaryButton type="button" onClick={() => setIsRetiring(true)}>
            <FormattedMessage id="PayoutSettingsPage.retire" />
          </SecondaryButton>
        </div>
      )}
    </li>
  );
};

Method.propTypes = {
  method: PropTypes.object.isRequired,
  mayChange: PropTypes.bool.isRequired,
  run: PropTypes.func.isRequired,
  onChanged: PropTypes.func.isRequired,
};

/**
 * Where the user is paid, the default first, and the methods of before.
 *
 * @param {Object} props
 * @param {Array<Object>} props.methods - As the API gives them, masked
 * @param {boolean} props.mayChange - False for an operator who logged in as the user
 * @param {Function} props.run - Does something that needs a fresh log-in
 * @param {Function} props.onChanged
 * @returns {JSX.Element}
 */
const KeptMethods = ({ methods, ...rest }) =>
  methods.length ? (
    <ul className={css.list}>
      {methods.map(method => (
        <Method key={method.id} method={method} {...rest} />
      ))}
    </ul>
  ) : (
    <p className={css.quiet}>
      <FormattedMessage id="PayoutSettingsPage.noMethod" />
    </p>
  );

KeptMethods.propTypes = {
  methods: PropTypes.arrayOf(PropTypes.object).isRequired,
  mayChange: PropTypes.bool.isRequired,
  run: PropTypes.func.isRequired,
  onChanged: PropTypes.func.isRequired,
};

export default KeptMethods;
