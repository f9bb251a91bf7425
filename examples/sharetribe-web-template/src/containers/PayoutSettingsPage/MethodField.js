import React from 'react';
import PropTypes from 'prop-types';

import css from '../PayoutsPage/PayoutsPage.module.css';

const INPUTS = { email: 'email', date: 'date' };

/**
 * One field of a service's form. A type that is not known is shown as text.
 *
 * @param {Object} props
 * @param {Object} props.field - As the API describes it
 * @param {string} props.value
 * @param {string?} props.error - What is wrong with it
 * @param {Function} props.onChange - Gets the new value
 * @returns {JSX.Element}
 */
const MethodField = ({ field, value, error, onChange }) => {
  const { name, type, label, required, help, example, max_length: maxLength, choices } = field;
  const id = `MethodField.${name}`;
  const input = {
    id,
    name,
    value,
    required,
    'aria-invalid': !!error,
    'aria-describedby': `${id}.hint ${id}.error`,
    onChange: event => onChange(event.target.value),
  };

  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      {choices ? (
        <select {...input}>
          <option value="" />
          {choices.map(choice => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...input}
          type={INPUTS[type] || 'text'}
          maxLength={maxLength}
          placeholder={example || undefined}
        />
      )}
      {help ? (
        <p id={`${id}.hint`} className={css.hint}>
          {help}
        </p>
      ) : null}
      {error ? (
        <p id={`${id}.error`} role="alert" className={css.error}>
          {error}
        </p>
      ) : null}
    </div>
  );
};

MethodField.propTypes = {
  field: PropTypes.object.isRequired,
  value: PropTypes.string.isRequired,
  error: PropTypes.string,
  onChange: PropTypes.func.isRequired,
};

export default MethodField;
