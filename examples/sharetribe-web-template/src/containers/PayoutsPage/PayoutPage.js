import React, { useEffect, useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { adviceUrl, fetchPayout, formatAmount } from '../../util/payouts';
import { ExternalLink, NamedLink } from '../../components';

import ErrorText from './ErrorText';
import PayoutsLayout from './PayoutsLayout';
import Questions from './Questions';
import Reasons from './Reasons';

import css from './PayoutsPage.module.css';

const Details = ({ payout, onAsked }) => {
  const intl = useIntl();
  const { id, amount, returned, state, provider, method, why, timeline, lines, questions } = payout;
  const when = at => intl.formatDate(at, { dateStyle: 'medium', timeStyle: 'short' });

  return (
    <>
      <div className={css.card}>
        <div className={css.row}>
          <strong>{formatAmount(intl, amount)}</strong>
          <span>
            <FormattedMessage id={`Payouts.state.${state}`} />
          </span>
        </div>
        <p className={css.quiet}>
          {provider}, {method}
        </p>
        {returned ? (
          <p>
            <FormattedMessage id="PayoutPage.returned" values={{ amount: formatAmount(intl, returned) }} />
          </p>
        ) : null}
      </div>
      {why.length ? (
        <section className={css.section}>
          <h2>
            <FormattedMessage id="PayoutPage.why" />
          </h2>
          <Reasons why={why} />
        </section>
      ) : null}
      <section className={css.section}>
        <h2>
          <FormattedMessage id="PayoutPage.timeline" />
        </h2>
        <ol className={css.list}>
          {timeline.map(({ at, sentence }) => (
            <li key={at + sentence}>
              <time dateTime={at} className={css.quiet}>
                {when(at)}
              </time>{' '}
              {sentence}
            </li>
          ))}
        </ol>
      </section>
      <section className={css.section}>
        <h2>
          <FormattedMessage id="PayoutPage.lines" />
        </h2>
        <ul className={css.list}>
          {lines.map((line, index) => (
            <li key={index} className={css.row}>
              <span>
                {line.transaction ? (
                  <NamedLink name="SaleDetailsPage" params={{ id: line.transaction }}>
                    {line.what}
                  </NamedLink>
                ) : (
                  line.what
                )}
              </span>
              <span>{formatAmount(intl, line.amount)}</span>
            </li>
          ))}
        </ul>
        <p>
          <ExternalLink href={adviceUrl(id, 'pdf')}>
            <FormattedMessage id="PayoutPage.advice" values={{ form: 'PDF' }} />
          </ExternalLink>{' '}
          <ExternalLink href={adviceUrl(id, 'csv')}>
            <FormattedMessage id="PayoutPage.advice" values={{ form: 'CSV' }} />
          </ExternalLink>
        </p>
      </section>
      <Questions payoutId={id} questions={questions} onAsked={onAsked} />
    </>
  );
};

Details.propTypes = { payout: PropTypes.object.isRequired, onAsked: PropTypes.func.isRequired };

/**
 * One payout: what it consists of, what happened to it, why it waits, and what was asked about it.
 *
 * @param {Object} props
 * @param {Object} props.params - Of the route: the payout's id
 * @returns {JSX.Element}
 */
const PayoutPage = ({ params }) => {
  const intl = useIntl();
  const [payout, setPayout] = useState(null);
  const [error, setError] = useState(null);

  const load = () =>
    fetchPayout(params.id)
      .then(setPayout)
      .catch(setError);

  useEffect(() => {
    load();
  }, [params.id]);

  const title = intl.formatMessage({ id: 'PayoutPage.title' }, { number: payout?.number || '' });
  return (
    <PayoutsLayout name="PayoutsPage" title={title}>
      <p>
        <NamedLink name="PayoutsPage">
          <FormattedMessage id="PayoutPage.back" />
        </NamedLink>
      </p>
      <ErrorText error={error} />
      {payout ? <Details payout={payout} onAsked={load} /> : null}
    </PayoutsLayout>
  );
};

PayoutPage.propTypes = { params: PropTypes.shape({ id: PropTypes.string.isRequired }).isRequired };

export default PayoutPage;
