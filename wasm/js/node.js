import './native-node.js';

export * from './inline.js';
