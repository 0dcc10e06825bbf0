/** The name of a photo's picture. Nobody guesses it who does not know the job's id. @param index in the job */
export const outputName = (jobId: string, index: number): string => `${jobId}/${index}`;
