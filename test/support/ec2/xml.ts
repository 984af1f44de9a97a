/** Answers of EC2's query protocol. */
export type Xml = string | readonly Xml[] | { readonly [name: string]: Xml | boolean | number | undefined };

/** Objects become elements, arrays `<item>`s; what is undefined is left out. */
export function xml(value: Xml | boolean | number): string {
  if (typeof value === 'string')
    return value.replace(/[<>&"']/g, character => `&#${character.charCodeAt(0)};`);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (isList(value)) return value.map(item => `<item>${xml(item)}</item>`).join('');
  return Object.entries(value)
    .map(([name, child]) => (child === undefined ? '' : `<${name}>${xml(child)}</${name}>`))
    .join('');
}

function isList(value: Xml): value is readonly Xml[] {
  return Array.isArray(value);
}

export function answerXml(action: string, body: Xml): string {
  const inner = xml({ requestId: crypto.randomUUID() }) + xml(body);
  return `<?xml version="1.0" encoding="UTF-8"?><${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${inner}</${action}Response>`;
}

export function errorXml(code: string, message: string): string {
  const body = { Errors: { Error: { Code: code, Message: message } }, RequestID: crypto.randomUUID() };
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${xml(body)}</Response>`;
}

/** An error that EC2 answers. */
export class Ec2Error extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message = code, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
