/**
 * The published rules of ATIF v1.7, as far as a document can be held to them by itself: Harbor's RFC 0001 and the models that its validator
 * is made of. Written from the text of the RFC; unknown members are errors there, and so here.
 */
type Check = (value: unknown, path: string, errors: string[]) => void;

export function atifErrors(document: unknown): readonly string[] {
  const errors: string[] = [];
  TRAJECTORY(document, "$", errors);
  return errors;
}

const text: Check = (value, path, errors) => void (typeof value === "string" || errors.push(`${path}: no string`));
const named: Check = (value, path, errors) =>
  void ((typeof value === "string" && value !== "") || errors.push(`${path}: no string, or empty`));
const integer: Check = (value, path, errors) => void (Number.isInteger(value) || errors.push(`${path}: no integer`));
const count: Check = (value, path, errors) =>
  void ((Number.isInteger(value) && (value as number) >= 0) || errors.push(`${path}: no count`));
const number: Check = (value, path, errors) => void (Number.isFinite(value) || errors.push(`${path}: no number`));
const boolean: Check = (value, path, errors) => void (typeof value === "boolean" || errors.push(`${path}: no boolean`));
const any: Check = () => undefined;
const object: Check = (value, path, errors) => void (isObject(value) || errors.push(`${path}: no object`));

const time: Check = (value, path, errors) => {
  const isTime =
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u.test(value);
  if (!isTime || Number.isNaN(Date.parse(value))) errors.push(`${path}: no ISO 8601 time`);
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneOf(...choices: readonly string[]): Check {
  return (value, path, errors) =>
    void (choices.includes(value as string) || errors.push(`${path}: not one of ${choices.join(", ")}`));
}

function list(of: Check, least = 0): Check {
  return (value, path, errors) => {
    if (!Array.isArray(value)) {
      errors.push(`${path}: no list`);
      return;
    }
    if (value.length < least) errors.push(`${path}: too short`);
    for (const [index, item] of value.entries()) of(item, `${path}[${index}]`, errors);
  };
}

function either(first: (value: unknown) => boolean, one: Check, other: Check): Check {
  return (value, path, errors) => (first(value) ? one : other)(value, path, errors);
}

/** Members by their names; those that end in `!` are required. `null` counts as left out. */
function shape(members: Readonly<Record<string, Check>>, also: Check = any): Check {
  return (value, path, errors) => {
    if (!isObject(value)) {
      errors.push(`${path}: no object`);
      return;
    }
    for (const name of Object.keys(value))
      if (!(name in members) && !(`${name}!` in members)) errors.push(`${path}.${name}: not known`);
    for (const [key, check] of Object.entries(members)) {
      const name = key.replace("!", "");
      const isThere = value[name] !== undefined && value[name] !== null;
      if (isThere) check(value[name], `${path}.${name}`, errors);
      else if (key.endsWith("!")) errors.push(`${path}.${name}: missing`);
    }
    also(value, path, errors);
  };
}

const IMAGE = shape({ "media_type!": oneOf("image/jpeg", "image/png", "image/gif", "image/webp"), "path!": named });
const PART = shape({ "type!": oneOf("text", "image"), text, source: IMAGE }, (value, path, errors) => {
  const part = value as Record<string, unknown>;
  const [own, other] = part["type"] === "text" ? (["text", "source"] as const) : (["source", "text"] as const);
  if (part[own] === undefined) errors.push(`${path}.${own}: missing`);
  if (part[other] !== undefined) errors.push(`${path}.${other}: not of this type`);
});
const CONTENT = either((value) => typeof value === "string", text, list(PART));

const REFERENCE = shape(
  { trajectory_id: named, trajectory_path: named, session_id: text, extra: object },
  (value, path, errors) => {
    const { trajectory_id: id, trajectory_path: file } = value as Record<string, unknown>;
    if (id === undefined && file === undefined) errors.push(`${path}: leads nowhere`);
  },
);

const RESULT = shape({
  source_call_id: text,
  content: CONTENT,
  subagent_trajectory_ref: list(REFERENCE),
  extra: object,
});
const CALL = shape({ "tool_call_id!": named, "function_name!": named, "arguments!": object, extra: object });
const METRICS = shape({
  prompt_tokens: count,
  completion_tokens: count,
  cached_tokens: count,
  cost_usd: number,
  prompt_token_ids: list(integer),
  completion_token_ids: list(integer),
  logprobs: list(number),
  extra: object,
});

const AGENTS_OWN = ["model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"];

const STEP = shape(
  {
    "step_id!": integer,
    timestamp: time,
    "source!": oneOf("system", "user", "agent"),
    model_name: text,
    reasoning_effort: either((value) => typeof value === "string", text, number),
    "message!": CONTENT,
    reasoning_content: text,
    tool_calls: list(CALL),
    observation: shape({ "results!": list(RESULT) }),
    metrics: METRICS,
    llm_call_count: count,
    is_copied_context: boolean,
    extra: object,
  },
  (value, path, errors) => {
    const step = value as Record<string, unknown>;
    if (step["source"] !== "agent") {
      for (const name of AGENTS_OWN) if (step[name] !== undefined) errors.push(`${path}.${name}: only of an agent`);
    }
    if (step["llm_call_count"] === 0 && (step["metrics"] ?? step["reasoning_content"]) !== undefined) {
      errors.push(`${path}: metrics without a call of a model`);
    }
    const calls = idsOf(step["tool_calls"], "tool_call_id");
    if (new Set(calls).size < calls.length) errors.push(`${path}.tool_calls: ids are not unique`);
    const results = isObject(step["observation"]) ? step["observation"]["results"] : undefined;
    for (const id of idsOf(results, "source_call_id"))
      if (!calls.includes(id)) errors.push(`${path}: no call ${String(id)}`);
    const boundary = (
      (step["extra"] as Record<string, Record<string, unknown>> | undefined)?.["context_management"] ?? {}
    )["boundary"];
    if (boundary === "replace" && !JSON.stringify(results ?? []).includes('"content"'))
      errors.push(`${path}: replaced by nothing`);
  },
);

function idsOf(value: unknown, name: string): readonly unknown[] {
  return Array.isArray(value)
    ? value.map((item: unknown) => (isObject(item) ? item[name] : undefined)).filter((id) => id !== undefined)
    : [];
}

const FINAL = shape({
  total_prompt_tokens: count,
  total_completion_tokens: count,
  total_cached_tokens: count,
  total_cost_usd: number,
  total_steps: count,
  extra: object,
});

const TRAJECTORY = shape(
  {
    "schema_version!": oneOf("ATIF-v1.7"),
    session_id: text,
    trajectory_id: named,
    "agent!": shape({
      "name!": named,
      "version!": named,
      model_name: text,
      tool_definitions: list(object),
      extra: object,
    }),
    "steps!": list(STEP, 1),
    notes: text,
    final_metrics: FINAL,
    continued_trajectory_ref: text,
    extra: object,
    subagent_trajectories: list(object),
  },
  (value, path, errors) => {
    const { steps, final_metrics: final } = value as {
      readonly steps?: unknown;
      readonly final_metrics?: Record<string, unknown>;
    };
    if (!Array.isArray(steps)) return;
    for (const [index, step] of (steps as readonly Record<string, unknown>[]).entries()) {
      if (step["step_id"] !== index + 1) errors.push(`${path}.steps[${index}].step_id: not ${index + 1}`);
    }
    for (const name of ["prompt_tokens", "completion_tokens", "cached_tokens"]) {
      const sum = (steps as readonly Record<string, Record<string, number> | undefined>[]).reduce(
        (total, step) => total + (step["metrics"]?.[name] ?? 0),
        0,
      );
      if ((final?.[`total_${name}`] ?? sum) !== sum)
        errors.push(`${path}.final_metrics.total_${name}: not the sum of the steps`);
    }
  },
);
