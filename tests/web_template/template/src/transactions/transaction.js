import * as payoutProcess from './transactionProcessPayout';

export const getProcess = () => payoutProcess;
