import React, { useState } from 'react';

import ConfirmLogIn from './ConfirmLogIn';

/**
 * Changing where money goes needs a log-in of the last ten minutes. `run` does something; where the log-in is too old
 * it asks for the password, and does it then.
 *
 * @returns {Array} `run`, and what asks for the password, to be shown outside of any form
 */
const useFreshLogIn = () => {
  const [pending, setPending] = useState(null);

  const run = action =>
    action().catch(error => {
      if (error.code !== 'login_too_old') {
        throw error;
      }
      return new Promise((resolve, reject) => {
        setPending({ proceed: () => resolve(action()), giveUp: () => reject(error) });
      });
    });

  const end = how => () => {
    setPending(null);
    pending[how]();
  };

  return [run, pending ? <ConfirmLogIn onConfirmed={end('proceed')} onCancel={end('giveUp')} /> : null];
};

export default useFreshLogIn;
