/** Why a row of the table is not reached, by the row's name. Printed below the table where it is so. */
export const reasons: Readonly<Record<string, string>> = {}
