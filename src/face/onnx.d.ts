/** `import path from '….onnx' with { type: 'file' }`: the path of the file, on disk or inside the compiled program. */
declare module '*.onnx' {
  const path: string;
  export default path;
}
