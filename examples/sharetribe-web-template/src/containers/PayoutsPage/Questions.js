import React, { useState } from 'react';
import PropTypes from 'prop-types';

import { FormattedMessage, useIntl } from '../../util/reactIntl';
import { askQuestion } from '../../util/payouts';
import { PrimaryButton } from '../../components';

import ErrorText from './ErrorText';

import css from './PayoutsPage.module.css';

const KINDS = ['not_arrived', 'wrong_amount', 'other'];

/**
 * What was asked about a payout and answered, and a form to ask.
 *
 * @param {Object} props
 * @param {string} props.payoutId
 * @param {Array<Object>} props.questions - As the API gives them
 * @param {Function} props.onAsked - Called once a question was taken
 * @returns {JSX.Element}
 */
const Questions = ({ payoutId, questions, onAsked }) => {
  const intl = useIntl();
  const [kind, setKind] = useState(KINDS[0]);
  const [text, setText] = useState('');
  const [inProgress, setInProgress] = useState(false);
  const [error, setError] = useState(null);

  const ask = event => {
    event.preventDefault();
    setInProgress(true);
    setError(null);
    askQuestion(payoutId, { kind, text })
      .then(() => {
        setText('');
        return onAsked();
      })
      .catch(setError)
      .finally(() => setInProgress(false));
  };

  return (
    <section className={css.section}>
      <h2>
        <FormattedMessage id="PayoutPage.questions" />
      </h2>
      {questions.map(question => (
        <div key={question.id} className={css.card}>
          <strong>
            <FormattedMessage id={`PayoutPage.kind.${question.kind}`} />
          </strong>
          {question.messages.map(message => (
            <p key={message.at + message.by} className={css.message}>
              <span className={css.quiet}>
                <FormattedMessage id={`PayoutPage.by.${message.by}`} />
              </span>{' '}
              {message.text}
            </p>
          ))}
        </div>
      ))}
      <form onSubmit={ask}>
        <div className={css.field}>
          <label htmlFor="PayoutPage.kind">
            <FormattedMessage id="PayoutPage.kind" />
          </label>
          <select id="PayoutPage.kind" value={kind} onChange={event => setKind(event.target.value)}>
            {KINDS.map(one => (
              <option key={one} value={one}>
                {intl.formatMessage({ id: `PayoutPage.kind.${one}` })}
              </option>
            ))}
          </select>
        </div>
        <div className={css.field}>
          <label htmlFor="PayoutPage.text">
            <FormattedMessage id="PayoutPage.text" />
          </label>
          <textarea
            id="PayoutPage.text"
            required
            maxLength={2000}
            value={text}
            onChange={event => setText(event.target.value)}
          />
        </div>
        <ErrorText error={error} />
        <div className={css.buttons}>
          <PrimaryButton type="submit" inProgress={inProgress} disabled={inProgress || !text.trim()}>
            <FormattedMessage id="PayoutPage.ask" />
          </PrimaryButton>
        </div>
      </form>
    </section>
  );
};

Questions.propTypes = {
  payoutId: PropTypes.string.isRequired,
  questions: PropTypes.arrayOf(PropTypes.object).isRequired,
  onAsked: PropTypes.func.isRequired,
};

export default Questions;
