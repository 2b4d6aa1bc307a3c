// The events of the bus as JSON, typed. Made from docs/schemas by `make docs`; do not edit.

/**
 * An event as the bus delivers it to a target.
 */
export type ScorecastEvent = ChangeEvent | TopEvent | BoardClosedEvent;

/**
 * A change of an item.
 */
export interface ChangeEvent {
  version: string;
  /**
   * EventBridge's id: another one if a change is published twice. Use `detail.id`.
   */
  id: string;
  "detail-type": "INSERT" | "MODIFY" | "REMOVE" | "READ";
  source: "update.aws.dynamodb" | "operations.aws.dynamodb";
  account: string;
  time: string;
  region: string;
  /**
   * One text: the ARN of the table's stream, which ends in `/stream/` and the stream's label.
   *
   * @minItems 1
   */
  resources: [string, ...string[]];
  detail: ChangeDetail;
}
/**
 * The detail of a change on the bus, scorecast.change/1. Later versions of it may have further fields.
 */
export interface ChangeDetail {
  /**
   * `scorecast.change/1`
   */
  schema: "scorecast.change/1";
  /**
   * names the change: the stream record's `eventID`, the same on every delivery of it
   */
  id: string;
  /**
   * the table's name
   */
  table: string;
  /**
   * `INSERT`, `MODIFY`, `REMOVE`; or `READ`, an item that a backfill read from the table instead of its stream
   */
  operation: "INSERT" | "MODIFY" | "REMOVE" | "READ";
  /**
   * the item's key attributes
   */
  keys: {
    [k: string]: unknown;
  };
  /**
   * all attributes after it
   */
  new?: {
    [k: string]: unknown;
  };
  /**
   * all attributes before it
   */
  old?: {
    [k: string]: unknown;
  };
  /**
   * names of the top-level attributes that differ between `old` and `new`, sorted; all names for an insert or a delete. The order of a set's members does not matter
   */
  changed: string[];
  /**
   * the stream's sequence number, padded with zeros to 40 digits: of two changes of **one item** in one stream the later one has the greater text. A table that is replaced or restored has a new stream, whose numbers begin again: compare the label in `resources` first. It does not order the changes of different items
   */
  sequence: string;
  /**
   * when the change was made: ISO 8601, UTC, `Z`; with a fraction only if the stream gives one
   */
  at: string;
  userIdentity?: UserIdentity;
  types?: Types;
  images?: Images;
}
/**
 * who made the change: `type` and `principalId`. An item that expired (TTL) has `Service` and `dynamodb.amazonaws.com`; other changes have none
 */
export interface UserIdentity {
  type: string;
  principalId: string;
}
/**
 * what plain JSON cannot express: a hint for each JSON pointer (RFC 6901)
 */
export interface Types {
  [k: string]: "B" | "SS" | "NS" | "BS" | ExactNumber;
}
/**
 * A number as DynamoDB wrote it.
 */
export interface ExactNumber {
  N: string;
}
/**
 * where the whole detail is; `new` and `old` then hold only some of the attributes
 */
export interface Images {
  /**
   * the bucket of the object: the stack's backup bucket
   */
  bucket: string;
  /**
   * the object: the whole detail, as JSON in UTF-8, gzipped. The key is `images/TABLE/SEQUENCE-SHA256.json.gz`
   */
  key: string;
  /**
   * SHA-256 of the JSON, unzipped, in hexadecimal
   */
  sha256: string;
  /**
   * the size of the JSON, unzipped
   */
  bytes: number;
  /**
   * JSON pointers to what the event should keep and cannot
   *
   * @minItems 1
   */
  leftOut?: [string, ...string[]];
}
/**
 * A participant takes the lead of a board, enters its top or leaves it.
 */
export interface TopEvent {
  version: string;
  /**
   * EventBridge's id: use `detail.id`.
   */
  id: string;
  "detail-type": "LeadChanged" | "EnteredTop" | "LeftTop";
  source: "standings.scorecast";
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: TopChange;
}
/**
 * The detail of a LeadChanged, an EnteredTop or a LeftTop.
 */
export interface TopChange {
  /**
   * `scorecast.standing/1`
   */
  schema: "scorecast.standing/1";
  /**
   * names the event: the same on every delivery, and unique to it
   */
  id: string;
  /**
   * the board
   */
  hackathonName: string;
  participant: RankedParticipant;
  /**
   * the rank now (tied participants share a rank); `null` if the participant is not in the top
   */
  rank: number | null;
  /**
   * the rank before; `null` if the participant was not in the top
   */
  previousRank: number | null;
  previousLeader?: PreviousLeader;
  /**
   * how many entries the top has at most
   */
  top: number;
  /**
   * a whole number: of two events of one board the later one has the greater number, or the same if they were announced together
   */
  sequence: number;
  /**
   * when the newest change that led to the event happened: ISO 8601, UTC
   */
  at: string;
  /**
   * scores that plain JSON cannot express exactly, as in the event contract
   */
  types?: {
    [k: string]: ExactNumber;
  };
}
/**
 * `id`, `projectScore`, and `userName` (128 characters of it) if it has one; in a `LeftTop` as they last were in the top
 */
export interface RankedParticipant {
  id: string;
  userName?: string;
  projectScore: number;
}
/**
 * like `participant`, with its `rank` now
 */
export interface PreviousLeader {
  id: string;
  userName?: string;
  projectScore: number;
  rank: number | null;
}
/**
 * A board, or a period, has closed.
 */
export interface BoardClosedEvent {
  version: string;
  /**
   * EventBridge's id: use `detail.id`.
   */
  id: string;
  "detail-type": "BoardClosed";
  source: "standings.scorecast";
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: BoardClosed;
}
/**
 * The detail of a BoardClosed: the final standings of a board.
 */
export interface BoardClosed {
  /**
   * `scorecast.standing/1`
   */
  schema: "scorecast.standing/1";
  /**
   * names the event: the same on every delivery; it follows from the board and its closing time
   */
  id: string;
  /**
   * the board
   */
  hackathonName: string;
  /**
   * the board from which it derives
   */
  base?: string;
  /**
   * the beginning of the period
   */
  startsAt?: string;
  /**
   * the attribute whose value it is about
   */
  attribute?: string;
  /**
   * the first entries, `top` of them at most: `rank`, `id`, `projectScore`, and `userName`, `thenBy` and `attributes` as in the API where an entry has them
   */
  entries: FinalEntry[];
  /**
   * how many entries the board has
   */
  total: number;
  /**
   * how many entries the top has at most
   */
  top: number;
  /**
   * when the board closed
   */
  at: string;
  /**
   * numbers that plain JSON cannot express exactly, as in the event contract
   */
  types?: {
    [k: string]: ExactNumber;
  };
}
export interface FinalEntry {
  rank: number;
  id: string;
  userName?: string;
  projectScore: number;
  thenBy?: {
    [k: string]: number | string | null;
  };
  attributes?: {
    [k: string]: number | string | boolean;
  };
}
