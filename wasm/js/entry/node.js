import '../engine/native-node.js';

export * from './inline.js';
