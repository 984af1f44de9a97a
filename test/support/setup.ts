import { setDefaultTimeout } from 'bun:test';

// No test depends on speed: they wait for conditions, and this bounds only what would never end.
setDefaultTimeout(300_000);
