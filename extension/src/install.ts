// How this copy of the extension came to the browser. The package's copy for all users of the machine has another value here.

/** Whether nobody chose it: a package installed it for every user of the machine. */
export const FOR_ALL_USERS = false as boolean;
