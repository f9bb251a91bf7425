// Stands in for the template's shared components.

import React from 'react';
import { Link } from 'react-router-dom';
import { pathByRouteName } from '../util/routes';

const Button = ({ inProgress, children, ...rest }) => (
  <button {...rest}>{inProgress ? '…' : children}</button>
);
export const PrimaryButton = Button;
export const SecondaryButton = Button;

export const ExternalLink = ({ children, ...rest }) => (
  <a {...rest} target="_blank" rel="noopener noreferrer">
    {children}
  </a>
);
export const NamedLink = ({ name, params, children }) => (
  <Link to={pathByRouteName(name, params)}>{children}</Link>
);
export const H3 = ({ as: Tag, children }) => <Tag>{children}</Tag>;
export const Page = ({ children }) => <div>{children}</div>;
export const LayoutSideNavigation = ({ topbar, children, footer }) => (
  <>
    <header>{topbar}</header>
    <main>{children}</main>
    <footer>{footer}</footer>
  </>
);
export const UserNav = () => <nav />;
export const TopbarSimplified = () => <header />;
