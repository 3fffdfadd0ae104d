/** How much the download of the app has. */
export const REPORT_BYTES = 3_000_000;
