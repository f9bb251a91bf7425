import React, { useEffect, useRef, useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage } from '../../util/reactIntl';
import { chooseMethod, fetchRequirements, openLink } from '../../util/payouts';
import { PrimaryButton, SecondaryButton } from '../../components';

import ErrorText from '../PayoutsPage/ErrorText';
import MethodField from './MethodField';

import css from '../PayoutsPage/PayoutsPage.module.css';

// The values of the fields that there are, by the fields' names; what was proposed counts until it is changed.
const valuesOf = (fields, typed) =>
  Object.fromEntries(fields.map(({ name, value }) => [name, typed[name] ?? value ?? '']));

// Errors at fields are called values.<name>; all others stand below the form.
const errorsByField = error =>
  Object.fromEntries(
    (error?.errors || [])
      .filter(({ field }) => field?.startsWith('values.'))
      .map(({ field, detail }) => [field.slice('values.'.length), detail])
  );

/**
 * What a payout service must know. The form comes from the API: its fields are shown as they come, and asked for anew
 * when one changes that `refreshes` it. A service with pages of its own is gone on with there.
 *
 * @param {Object} props
 * @param {Object} props.offer - The service, as the API gives it
 * @param {string} props.country - Where the user is paid
 * @param {Function} props.run - Does something that needs a fresh log-in
 * @param {Function} props.onChosen
 * @param {Function} props.onCancel
 * @returns {JSX.Element}
 */
const MethodForm = ({ offer, country, run, onChosen, onCancel }) => {
  const [required, setRequired] = useState(null);
  const [typed, setTyped] = useState({});
  const [inProgress, setInProgress] = useState(false);
  const [error, setError] = useState(null);
  const asked = useRef(0);
  const { provider, label } = offer;

  // Answers may overtake each other: the last one that was asked for counts.
  const ask = values => {
    asked.current += 1;
    const turn = asked.current;
    return fetchRequirements({ provider, country, values })
      .then(told => turn === asked.current && setRequired(told))
      .catch(e => turn === asked.current && setError(e));
  };

  useEffect(() => {
    ask({});
  }, [provider, country]);

  const fields = required?.fields || [];
  const change = field => value => {
    const now = { ...typed, [field.name]: value };
    setTyped(now);
    if (field.refreshes) {
      ask(valuesOf(fields, now));
    }
  };

  const submit = event => {
    event.preventDefault();
    setInProgress(true);
    setError(null);
    run(() => chooseMethod({ provider, country, values: valuesOf(fields, typed) }))
      .then(onChosen)
      .catch(e => {
        setError(e);
        setInProgress(false);
      });
  };

  // The link opens the user's account at the service: it is gone to at once, and kept nowhere.
  const goThere = () => {
    setError(null);
    run(() => openLink({ provider, country, return_url: window.location.href }))
      .then(({ url }) => window.location.assign(url))
      .catch(setError);
  };

  const fieldErrors = errorsByField(error);
  const shownAtFields = fields.some(({ name }) => fieldErrors[name]);
  const isHosted = required?.kind === 'hosted';

  return (
    <form className={css.card} onSubmit={submit} noValidate>
      <strong>{label}</strong>
      {isHosted ? <p>{required.detail}</p> : null}
      {fields.map(field => (
        <MethodField
          key={field.name}
          field={field}
          value={valuesOf([field], typed)[field.name]}
          error={fieldErrors[field.name]}
          onChange={change(field)}
        />
      ))}
      <ErrorText error={shownAtFields ? null : error} />
      <div className={css.buttons}>
        {isHosted && ['not_started', 'pending'].includes(required.state) ? (
          <PrimaryButton type="button" onClick={goThere}>
            <FormattedMessage id="PayoutSettingsPage.goThere" values={{ label }} />
          </PrimaryButton>
        ) : null}
        {required && (!isHosted || required.state === 'ready') ? (
          <PrimaryButton type="submit" inProgress={inProgress} disabled={inProgress}>
            <FormattedMessage id="PayoutSettingsPage.payMeHere" />
          </PrimaryButton>
        ) : null}
        <SecondaryButton type="button" onClick={onCancel}>
          <FormattedMessage id="PayoutSettingsPage.cancel" />
        </SecondaryButton>
      </div>
    </form>
  );
};

MethodForm.propTypes = {
  offer: PropTypes.object.isRequired,
  country: PropTypes.string.isRequired,
  run: PropTypes.func.isRequired,
  onChosen: PropTypes.func.isRequired,
  onCancel: PropTypes.func.isRequired,
};

export default MethodForm;
