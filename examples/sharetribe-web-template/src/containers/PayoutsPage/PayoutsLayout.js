import React from 'react';
import PropTypes from 'prop-types';
import { useSelector } from 'react-redux';

import { useConfiguration } from '../../context/configurationContext';
import { isScrollingDisabled } from '../../ducks/ui.duck';
import { showCreateListingLinkForUser, showPaymentDetailsForUser } from '../../util/userHelpers';
import { H3, LayoutSideNavigation, Page, UserNav } from '../../components';

import TopbarContainer from '../TopbarContainer/TopbarContainer';
import FooterContainer from '../FooterContainer/FooterContainer';

import css from './PayoutsPage.module.css';

/**
 * A page among the account settings.
 *
 * @param {Object} props
 * @param {string} props.name - The name of its route
 * @param {string} props.title - The title of the window, and the heading
 * @param {ReactNode} props.children
 * @returns {JSX.Element}
 */
const PayoutsLayout = props => {
  const { name, title, children } = props;
  const config = useConfiguration();
  const currentUser = useSelector(state => state.user.currentUser);
  const scrollingDisabled = useSelector(isScrollingDisabled);

  return (
    <Page title={title} scrollingDisabled={scrollingDisabled}>
      <LayoutSideNavigation
        topbar={
          <>
            <TopbarContainer />
            <UserNav
              currentPage={name}
              showManageListingsLink={showCreateListingLinkForUser(config, currentUser)}
            />
          </>
        }
        sideNav={null}
        useAccountSettingsNav
        accountSettingsNavProps={{
          currentPage: name,
          ...showPaymentDetailsForUser(config, currentUser),
        }}
        footer={<FooterContainer />}
      >
        <div className={css.content}>
          <H3 as="h1">{title}</H3>
          {children}
        </div>
      </LayoutSideNavigation>
    </Page>
  );
};

PayoutsLayout.propTypes = {
  name: PropTypes.string.isRequired,
  title: PropTypes.string.isRequired,
  children: PropTypes.node,
};

export default PayoutsLayout;
