const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** C0 and C1 controls, and the line and paragraph separators of Unicode. */
export function hasControlCharacters(text: string): boolean {
  return CONTROL.test(text);
}

/** Length in bytes of UTF-8. */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
