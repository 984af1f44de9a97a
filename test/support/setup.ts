import { setDefaultTimeout } from 'bun:test';

// For `bun test FILE`: Bun applies this to the first file of a run only. The whole check gives `--timeout` instead.
setDefaultTimeout(300_000);
