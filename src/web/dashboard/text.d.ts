/** `import text from '….css' with { type: 'text' }`: what the file holds, also inside the compiled program. */
declare module '*.css' {
  const text: string;
  export default text;
}

declare module '*.browser.js' {
  const text: string;
  export default text;
}
