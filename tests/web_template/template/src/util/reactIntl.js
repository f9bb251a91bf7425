export { FormattedMessage, useIntl } from 'react-intl';
