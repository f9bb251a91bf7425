// Stands in for the template's app.

import React from 'react';
import { createRoot } from 'react-dom/client';
import { IntlProvider } from 'react-intl';
import { Provider } from 'react-redux';
import { BrowserRouter, Route, Switch } from 'react-router-dom';
import { legacy_createStore as createStore } from 'redux';

import messages from './translations/payouts.en.json';
import CheckoutPage from './containers/CheckoutPage/CheckoutPage';
import PayinReturnPage from './containers/PayinReturnPage/PayinReturnPage';
import PayoutPage from './containers/PayoutsPage/PayoutPage';
import PayoutSettingsPage from './containers/PayoutSettingsPage/PayoutSettingsPage';
import PayoutsPage from './containers/PayoutsPage/PayoutsPage';
import { paths } from './util/routes';

const pages = { CheckoutPage, PayinReturnPage, PayoutPage, PayoutSettingsPage, PayoutsPage };
const store = createStore(() => ({ user: { currentUser: null } }));

createRoot(document.getElementById('root')).render(
  <Provider store={store}>
    <IntlProvider locale="en" messages={messages}>
      <BrowserRouter>
        <Switch>
          {Object.entries(pages).map(([name, Component]) => (
            <Route
              key={name}
              exact
              path={paths[name]}
              render={({ match, location }) => <Component params={match.params} location={location} />}
            />
          ))}
        </Switch>
      </BrowserRouter>
    </IntlProvider>
  </Provider>
);
