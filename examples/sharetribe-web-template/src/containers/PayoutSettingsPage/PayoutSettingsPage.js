import React, { useEffect, useRef, useState } from 'react';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { fetchMe, fetchMethods, fetchOffers } from '../../util/payouts';
import getCountryCodes from '../../translations/countryCodes';
import { NamedLink } from '../../components';

import ErrorText from '../PayoutsPage/ErrorText';
import PayoutsLayout from '../PayoutsPage/PayoutsLayout';
import KeptMethods from './KeptMethods';
import MethodForm from './MethodForm';
import Offer from './Offer';
import useFreshLogIn from './useFreshLogIn';

import css from '../PayoutsPage/PayoutsPage.module.css';

/**
 * Where the user who is logged in is paid: their payout methods, and what else is offered to them.
 *
 * @returns {JSX.Element}
 */
const PayoutSettingsPage = () => {
  const intl = useIntl();
  const [changes, setChanges] = useState(null);
  const [methods, setMethods] = useState(null);
  const [country, setCountry] = useState('');
  const [offers, setOffers] = useState([]);
  const [chosen, setChosen] = useState(null);
  const [error, setError] = useState(null);
  const [run, logIn] = useFreshLogIn();

  // Answers may overtake each other: the offers that were asked for last count.
  const asked = useRef(0);
  const loadOffers = code => {
    asked.current += 1;
    const turn = asked.current;
    return fetchOffers(code).then(offered => {
      if (turn === asked.current) {
        setCountry(offered.country || '');
        setOffers(offered.offers);
      }
    });
  };

  const load = () => {
    setError(null);
    return Promise.all([
      fetchMe().then(me => setChanges(me.changes)),
      fetchMethods().then(kept => setMethods(kept.methods)),
      loadOffers(country),
    ]).catch(setError);
  };

  useEffect(() => {
    load();
  }, []);

  const changeCountry = code => {
    setCountry(code);
    setChosen(null);
    setError(null);
    loadOffers(code).catch(setError);
  };

  const onChosen = () => {
    setChosen(null);
    return load();
  };

  const mayChange = !!changes?.allowed;
  return (
    <PayoutsLayout
      name="PayoutSettingsPage"
      title={intl.formatMessage({ id: 'PayoutSettingsPage.title' })}
    >
      <p>
        <NamedLink name="PayoutsPage">
          <FormattedMessage id="PayoutSettingsPage.toPayouts" />
        </NamedLink>
      </p>
      <ErrorText error={error} />
      {changes && !mayChange ? <p role="status">{changes.detail}</p> : null}
      {logIn}
      {methods ? (
        <KeptMethods methods={methods} mayChange={mayChange} run={run} onChanged={load} />
      ) : null}
      <section className={css.section}>
        <h2>
          <FormattedMessage id="PayoutSettingsPage.offers" />
        </h2>
        <label htmlFor="PayoutSettingsPage.country">
          <FormattedMessage id="PayoutSettingsPage.country" />
        </label>
        <select
          id="PayoutSettingsPage.country"
          value={country}
          onChange={event => changeCountry(event.target.value)}
        >
          <option value="" />
          {getCountryCodes(intl.locale).map(({ code, name }) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
        {chosen ? (
          <MethodForm
            key={chosen.provider}
            offer={chosen}
            country={country}
            run={run}
            onChosen={onChosen}
            onCancel={() => setChosen(null)}
          />
        ) : (
          <ul className={css.list}>
            {offers.map(offer => (
              <Offer
                key={offer.provider}
                offer={offer}
                mayChoose={mayChange && !!country}
                onChoose={() => setChosen(offer)}
              />
            ))}
          </ul>
        )}
      </section>
    </PayoutsLayout>
  );
};

export default PayoutSettingsPage;
