import '../engine/native-node.js';

export * from './verifier.js';
