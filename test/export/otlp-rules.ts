/**
 * The rules of OTLP's JSON mapping for traces (opentelemetry-proto, "JSON Protobuf Encoding"): names in lowerCamelCase and no others, ids in
 * hexadecimal, 64-bit integers as decimal text, enumerations as numbers, exactly one member in a value.
 */
export function otlpErrors(document: unknown): readonly string[] {
  const errors: string[] = [];
  const root = members(document, "$", ["resourceSpans"], errors);
  for (const [at, resourceSpans] of items(root["resourceSpans"], "$.resourceSpans", errors)) {
    const { resource, scopeSpans, schemaUrl } = members(
      resourceSpans,
      at,
      ["resource", "scopeSpans", "schemaUrl"],
      errors,
    );
    checkUrl(schemaUrl, at, errors);
    const { attributes } = members(resource, `${at}.resource`, ["attributes", "droppedAttributesCount"], errors);
    checkAttributes(attributes, `${at}.resource`, errors);
    for (const [place, one] of items(scopeSpans, `${at}.scopeSpans`, errors)) {
      const { scope, spans, schemaUrl: url } = members(one, place, ["scope", "spans", "schemaUrl"], errors);
      checkUrl(url, place, errors);
      members(scope, `${place}.scope`, ["name", "version", "attributes", "droppedAttributesCount"], errors);
      const seen = new Set<string>();
      for (const [where, span] of items(spans, `${place}.spans`, errors)) checkSpan(span, where, seen, errors);
    }
  }
  return errors;
}

const SPAN =
  "traceId spanId traceState parentSpanId flags name kind startTimeUnixNano endTimeUnixNano attributes droppedAttributesCount events droppedEventsCount links droppedLinksCount status".split(
    " ",
  );

function checkSpan(value: unknown, path: string, seen: Set<string>, errors: string[]): void {
  const span = members(value, path, SPAN, errors);
  const { traceId, spanId, parentSpanId, name, kind, startTimeUnixNano: start, endTimeUnixNano: end, status } = span;
  checkId(traceId, 32, `${path}.traceId`, errors);
  checkId(spanId, 16, `${path}.spanId`, errors);
  const place = (id: unknown): string => JSON.stringify([traceId, id]);
  if (seen.has(place(spanId))) errors.push(`${path}.spanId: not unique`);
  seen.add(place(spanId));
  if (parentSpanId !== undefined) {
    checkId(parentSpanId, 16, `${path}.parentSpanId`, errors);
    if (!seen.has(place(parentSpanId))) errors.push(`${path}.parentSpanId: not there before`);
  }
  if (typeof name !== "string" || name === "") errors.push(`${path}.name: empty`);
  if (![0, 1, 2, 3, 4, 5].includes(kind as number)) errors.push(`${path}.kind: no number of a kind`);
  checkLong(start, `${path}.startTimeUnixNano`, errors);
  checkLong(end, `${path}.endTimeUnixNano`, errors);
  if (/^\d+$/u.test(`${String(start)}${String(end)}`) && BigInt(end as string) < BigInt(start as string))
    errors.push(`${path}: ends before it starts`);
  const { code = 0, message = "" } = members(status ?? {}, `${path}.status`, ["code", "message"], errors);
  if (![0, 1, 2].includes(code as number)) errors.push(`${path}.status.code: no number of a code`);
  if (typeof message !== "string") errors.push(`${path}.status.message: no string`);
  checkAttributes(span["attributes"], path, errors);
}

function checkAttributes(value: unknown, path: string, errors: string[]): void {
  const names = new Set<unknown>();
  for (const [at, attribute] of items(value, `${path}.attributes`, errors)) {
    const { key, value: told } = members(attribute, at, ["key", "value"], errors);
    if (typeof key !== "string" || key === "" || names.has(key)) errors.push(`${at}.key: empty, or not unique`);
    names.add(key);
    checkValue(told, `${at}.value`, errors);
  }
}

function checkValue(value: unknown, path: string, errors: string[]): void {
  const kinds = ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"];
  const told = members(value, path, kinds, errors);
  const names = Object.keys(told);
  if (names.length !== 1) errors.push(`${path}: ${names.length} kinds of value`);
  if ("stringValue" in told && typeof told["stringValue"] !== "string") errors.push(`${path}.stringValue: no string`);
  if ("boolValue" in told && typeof told["boolValue"] !== "boolean") errors.push(`${path}.boolValue: no boolean`);
  if ("doubleValue" in told && typeof told["doubleValue"] !== "number") errors.push(`${path}.doubleValue: no number`);
  if ("intValue" in told) checkLong(told["intValue"], `${path}.intValue`, errors);
  if ("arrayValue" in told) {
    const { values } = members(told["arrayValue"], `${path}.arrayValue`, ["values"], errors);
    for (const [at, item] of items(values, `${path}.arrayValue.values`, errors)) checkValue(item, at, errors);
  }
}

function checkLong(value: unknown, path: string, errors: string[]): void {
  if (typeof value !== "string" || !/^-?\d{1,19}$/u.test(value)) errors.push(`${path}: no 64-bit integer as text`);
}

function checkId(value: unknown, length: number, path: string, errors: string[]): void {
  const isHex = typeof value === "string" && value.length === length && /^[0-9a-f]+$/u.test(value);
  if (!isHex || /^0+$/u.test(value)) errors.push(`${path}: no id of ${length} hexadecimal digits`);
}

function checkUrl(value: unknown, path: string, errors: string[]): void {
  if (typeof value !== "string" || !/^https:\/\/opentelemetry\.io\/schemas\/\d+\.\d+\.\d+$/u.test(value))
    errors.push(`${path}.schemaUrl`);
}

function members(value: unknown, path: string, known: readonly string[], errors: string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    errors.push(`${path}: no object`);
    return {};
  }
  for (const name of Object.keys(value)) if (!known.includes(name)) errors.push(`${path}.${name}: not known`);
  return value as Record<string, unknown>;
}

function items(value: unknown, path: string, errors: string[]): readonly (readonly [string, unknown])[] {
  if (!Array.isArray(value)) {
    errors.push(`${path}: no list`);
    return [];
  }
  return value.map((item: unknown, index) => [`${path}[${index}]`, item] as const);
}
