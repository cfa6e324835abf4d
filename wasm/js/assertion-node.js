import './native-node.js';

export * from './assertion.js';
