/**
 * A user's message as the event that legacy rollouts hold for it: one text, and lists of what came with it (rollout-format
 * §3.9.1). For `legacy-items.ts`.
 */
import type { EventOf } from "../format/event.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../format/json.ts";
import type { TurnItemOf } from "../format/record.ts";
import type { UserInput } from "../format/turn-item.ts";
import type { LegacyForm } from "./legacy-form.ts";

type Part<T extends UserInput["type"]> = Extract<UserInput, { readonly type: T }>;

/** Texts come together as one, and before all else; skills and mentions have no place in the event. */
export function userMessageEvent({ client_id, content }: TurnItemOf<"UserMessage">): LegacyForm {
  const texts = partsOf(content, "text");
  const inline = partsOf(content, "image").filter(({ image_url }) => typeof image_url === "string");
  const files = partsOf(content, "image").filter(({ image_url }) => typeof image_url !== "string");
  const local = partsOf(content, "local_image");
  const sound = partsOf(content, "audio").flatMap(({ audio_url }) => audio_url ?? []);
  const localSound = partsOf(content, "local_audio").map(({ path }) => path);
  const event: EventOf<"user_message"> = {
    type: "user_message",
    ...(client_id == null ? {} : { client_id }),
    message: texts.map(({ text }) => text).join(""),
    images: inline.map(({ image_url }) => image_url ?? ""),
    ...details("image_details", inline),
    ...(files.length === 0 ? {} : fileImages(content, files)),
    local_images: local.map(({ path }) => path),
    ...details("local_image_details", local),
    ...(sound.length === 0 ? {} : { audio: sound }),
    ...(localSound.length === 0 ? {} : { local_audio: localSound }),
    text_elements: elementsOf(texts),
  };
  const lost = content.some(isLost) ? "a skill, a mention or a sound file in a user's message" : undefined;
  return { events: [event], ...(lost === undefined ? {} : { lost }) };
}

function partsOf<T extends UserInput["type"]>(content: readonly UserInput[], type: T): readonly Part<T>[] {
  return content.filter((part): part is Part<T> => part.type === type);
}

function isLost(part: UserInput): boolean {
  return part.type === "skill" || part.type === "mention" || (part.type === "audio" && part.audio_url == null);
}

/** One for each image, where anything is said of any. */
function details<Name extends string>(name: Name, images: readonly { readonly detail?: string | null }[]) {
  if (images.every(({ detail }) => detail == null)) return {};
  return { [name]: images.map(({ detail }) => detail ?? null) };
}

function fileImages(content: readonly UserInput[], files: readonly Part<"image">[]) {
  const order = partsOf(content, "image").map(({ image_url }) => (typeof image_url === "string" ? "inline" : "file"));
  return {
    file_ids: files.map(({ file_id }) => file_id ?? ""),
    ...details("file_id_details", files),
    image_order: order,
  } as const;
}

/** Their places are bytes of the one text. */
function elementsOf(texts: readonly Part<"text">[]): JsonObject[] {
  const elements: JsonObject[] = [];
  let before = 0;
  for (const { text, text_elements = [] } of texts) {
    for (const element of text_elements) if (isJsonObject(element)) elements.push(moved(element, before));
    before += Buffer.byteLength(text);
  }
  return elements;
}

function moved(element: JsonObject, bytes: number): JsonObject {
  const range = element["byte_range"];
  if (bytes === 0 || !isJsonObject(range)) return element;
  const { start, end } = range;
  return { ...element, byte_range: { start: plus(start, bytes), end: plus(end, bytes) } };
}

function plus(value: JsonValue | undefined, bytes: number): number {
  return Number(value) + bytes;
}
