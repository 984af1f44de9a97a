import manifest from '../../package.json' with { type: 'json' };

/** Put in by the build of the executables; there is none where the program runs from source. */
declare const FACEREC_COMMIT: string | undefined;

export const VERSION = manifest.version;
/** Abbreviated hash of the commit that the executable was built from. */
export const COMMIT = typeof FACEREC_COMMIT === 'string' ? FACEREC_COMMIT : undefined;
