export declare function loadedFiles(file: string): ReadonlyMap<string, string>
