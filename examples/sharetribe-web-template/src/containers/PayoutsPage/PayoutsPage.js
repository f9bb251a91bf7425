import React, { useEffect, useState } from 'react';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { fetchNext, fetchPayouts, fetchWaiting, formatAmount, statementUrl } from '../../util/payouts';
import { ExternalLink, NamedLink, SecondaryButton } from '../../components';

import ErrorText from './ErrorText';
import PayoutsLayout from './PayoutsLayout';
import Reasons from './Reasons';

import css from './PayoutsPage.module.css';

const STATES = ['preparing', 'on_its_way', 'paid', 'failed', 'returned', 'cancelled'];

// What comes next, by currency; what is in no payout yet, with why.
const Upcoming = () => {
  const intl = useIntl();
  const [next, setNext] = useState([]);
  const [waiting, setWaiting] = useState([]);
  const [error, setError] = useState(null);

  useEffect(() => {
    Promise.all([fetchNext(), fetchWaiting()])
      .then(([soon, later]) => {
        setNext(soon.payouts);
        setWaiting(later.waiting);
      })
      .catch(setError);
  }, []);

  return (
    <section className={css.section}>
      <h2>
        <FormattedMessage id="PayoutsPage.next" />
      </h2>
      <ErrorText error={error} />
      {!error && !next.length && !waiting.length ? (
        <p className={css.quiet}>
          <FormattedMessage id="PayoutsPage.nothingNext" />
        </p>
      ) : null}
      {next.map(({ amount, at, why }) => (
        <div key={amount.currency} className={css.card}>
          <div className={css.row}>
            <strong>{formatAmount(intl, amount)}</strong>
            <span>
              {at ? intl.formatDate(at, { dateStyle: 'long' }) : <FormattedMessage id="PayoutsPage.soon" />}
            </span>
          </div>
          <Reasons why={why} />
        </div>
      ))}
      {waiting.map(({ total, why, lines }) => (
        <details key={total.currency} className={css.card}>
          <summary>
            <FormattedMessage id="PayoutsPage.waiting" values={{ amount: formatAmount(intl, total) }} />
          </summary>
          <Reasons why={why} />
          <ul className={css.list}>
            {lines.map((line, index) => (
              <li key={index} className={css.row}>
                <span>{line.what}</span>
                <span>{formatAmount(intl, line.amount)}</span>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </section>
  );
};

const Statements = () => {
  const year = new Date().getFullYear();
  return (
    <section className={css.section}>
      <h2>
        <FormattedMessage id="PayoutsPage.statements" />
      </h2>
      <ul className={css.list}>
        {[year, year - 1].map(one => (
          <li key={one} className={css.row}>
            <span>{one}</span>
            <span>
              <ExternalLink href={statementUrl(one, 'pdf')}>PDF</ExternalLink>{' '}
              <ExternalLink href={statementUrl(one, 'csv')}>CSV</ExternalLink>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
};

/**
 * The payouts of the user who is logged in: what comes next, what was paid, and the yearly statements.
 *
 * @returns {JSX.Element}
 */
const PayoutsPage = () => {
  const intl = useIntl();
  const [state, setState] = useState('');
  const [payouts, setPayouts] = useState(null);
  const [cursor, setCursor] = useState(null);
  const [error, setError] = useState(null);

  useEffect(() => {
    let isWanted = true;
    setPayouts(null);
    setError(null);
    fetchPayouts({ state })
      .then(page => {
        if (isWanted) {
          setPayouts(page.payouts);
          setCursor(page.next);
        }
      })
      .catch(e => isWanted && setError(e));
    return () => {
      isWanted = false;
    };
  }, [state]);

  const showMore = () =>
    fetchPayouts({ state, cursor })
      .then(page => {
        setPayouts([...payouts, ...page.payouts]);
        setCursor(page.next);
      })
      .catch(setError);

  return (
    <PayoutsLayout name="PayoutsPage" title={intl.formatMessage({ id: 'PayoutsPage.title' })}>
      <p>
        <NamedLink name="PayoutSettingsPage">
          <FormattedMessage id="PayoutsPage.toSettings" />
        </NamedLink>
      </p>
      <Upcoming />
      <section className={css.section}>
        <h2>
          <FormattedMessage id="PayoutsPage.made" />
        </h2>
        <label htmlFor="PayoutsPage.state">
          <FormattedMessage id="PayoutsPage.show" />
        </label>
        <select id="PayoutsPage.state" value={state} onChange={event => setState(event.target.value)}>
          <option value="">{intl.formatMessage({ id: 'PayoutsPage.all' })}</option>
          {STATES.map(one => (
            <option key={one} value={one}>
              {intl.formatMessage({ id: `Payouts.state.${one}` })}
            </option>
          ))}
        </select>
        <ErrorText error={error} />
        {payouts && !payouts.length ? (
          <p className={css.quiet}>
            <FormattedMessage id="PayoutsPage.none" />
          </p>
        ) : null}
        <ul className={css.list}>
          {(payouts || []).map(payout => (
            <li key={payout.id} className={css.card}>
              <div className={css.row}>
                <NamedLink name="PayoutPage" params={{ id: payout.id }}>
                  {payout.number}
                </NamedLink>
                <strong>{formatAmount(intl, payout.amount)}</strong>
              </div>
              <div className={css.row}>
                <span>
                  <FormattedMessage id={`Payouts.state.${payout.state}`} />
                </span>
                <span className={css.quiet}>
                  {payout.provider}, {payout.method}
                </span>
              </div>
            </li>
          ))}
        </ul>
        {cursor ? (
          <SecondaryButton type="button" onClick={showMore}>
            <FormattedMessage id="PayoutsPage.more" />
          </SecondaryButton>
        ) : null}
      </section>
      <Statements />
    </PayoutsLayout>
  );
};

export default PayoutsPage;
