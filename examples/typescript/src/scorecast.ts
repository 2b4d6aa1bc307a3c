// What every consumer of changes needs: the whole detail, exact numbers, and the order of an item's changes.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";

import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";

import type { ChangeDetail, ChangeEvent } from "./events.js";

/** Return the whole detail of a change: that of the event, or the one in S3 if the change was too large for the bus. */
export async function detailOf(event: ChangeEvent, s3: S3Client): Promise<ChangeDetail> {
  const images = event.detail.images;
  if (images === undefined) return event.detail;
  const object = await s3.send(new GetObjectCommand({ Bucket: images.bucket, Key: images.key }));
  const document = gunzipSync(await object.Body!.transformToByteArray());
  if (createHash("sha256").update(document).digest("hex") !== images.sha256) {
    throw new Error(`s3://${images.bucket}/${images.key} is not the document that the event names`);
  }
  return JSON.parse(document.toString("utf-8")) as ChangeDetail;
}

/** Return the digits of the number at a JSON pointer, such as `/new/projectScore`: all of them, also where JSON has fewer. */
export function digitsAt(detail: ChangeDetail, pointer: string): string | undefined {
  const hint = detail.types?.[pointer];
  if (typeof hint === "object") return hint.N;
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const value = parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], detail);
  return typeof value === "number" ? String(value) : undefined;
}

/** Name the item of a change: its table and keys. */
export function itemOf(detail: ChangeDetail): string {
  return JSON.stringify([detail.table, Object.entries(detail.keys).sort()]);
}

/** Return what orders the changes of an item, as a text: the stream's label, then the sequence, then the time. */
export function orderOf(event: ChangeEvent): string {
  const label = event.resources[0].split("/stream/")[1] ?? "";
  return `${label}/${event.detail.sequence}/${Date.parse(event.detail.at).toString().padStart(15, "0")}`;
}

/** Remembers the newest change of each item, in this process. Keep it in a database if the process may end. */
export class NewestChanges {
  private readonly orders = new Map<string, string>();

  /** Say whether a change is newer than every one of its item that was noted; a repeated delivery is not. */
  isNewer(event: ChangeEvent): boolean {
    return orderOf(event) > (this.orders.get(itemOf(event.detail)) ?? "");
  }

  /** Note that a change was handled. */
  note(event: ChangeEvent): void {
    this.orders.set(itemOf(event.detail), orderOf(event));
  }
}
