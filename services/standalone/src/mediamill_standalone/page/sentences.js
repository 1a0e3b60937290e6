// Stable codes of the API in words that help the person who reads them.

const SENTENCES = {
  active_content: "This file contains a script and is not accepted.",
  body_too_large: "This file is too large.",
  cancelled: "This upload was cancelled.",
  upload_expired: "This upload was not completed in time.",
  corrupt: "This picture could not be read: the file is damaged.",
  decoder_crashed: "This picture could not be read: the file is damaged.",
  empty_file: "This file is empty.",
  executable_content: "This file is a program and is not accepted.",
  invalid_token: "Your session has ended. Please sign in again.",
  malformed_multipart: "The upload arrived damaged. Please try again.",
  network: "The connection was lost before the upload was complete.",
  not_signed_in: "Your session has ended. Please sign in again.",
  resource_limit: "This picture takes too much memory to process.",
  side_too_long: "This picture is too long or too wide.",
  slow_body: "The upload was too slow and was given up. Please try again.",
  storage_full: "There is no room for more pictures at the moment.",
  timeout: "This picture takes too long to process.",
  too_large: "This file is too large.",
  too_many_attempts: "Too many attempts. Please wait a little before you try again.",
  too_many_frames: "This animation or video has too many frames.",
  no_video: "There is no video in this file.",
  too_long: "This video is too long.",
  too_many_pixels: "This picture has too many pixels.",
  truncated: "This file is incomplete: its end is missing.",
  type_mismatch: "This file is not of the kind that its name says.",
  unsupported_type: "This kind of file is not accepted here.",
  wrong_credentials: "The e-mail address or the password is wrong.",
};

/** Return the sentence for an error `{code, detail}`; unknown codes show the server's own words. */
export function sentence(error) {
  return SENTENCES[error?.code] ?? (error?.detail || "Something went wrong. Please try again.");
}

const EVENTS = {
  "media.uploaded": "Uploaded",
  "media.accepted": "Checked and accepted",
  "media.rejected": "Refused",
  "media.processed": "Processed",
  "media.ready": "Ready",
  "media.failed": "Failed",
  "media.expired": "Expired",
  "media.resumed": "Taken up again",
  "media.deleted": "Moved to the trash",
  "media.restored": "Restored from the trash",
};

/** Return what a timeline entry is called. */
export const eventName = (name) => EVENTS[name] ?? name;
