// The people that the providers and proxies of the tests know, and the groups they are in.

export const GROUPS = { admins: "sluice-admins", leads: "sluice-leads", agents: "sluice-agents", viewers: "sluice-viewers" };

/** Sluice's side of it. */
export const ROLE_ENV = {
  SLUICE_ROLE_ADMINS: GROUPS.admins,
  SLUICE_ROLE_LEADS: GROUPS.leads,
  SLUICE_ROLE_AGENTS: GROUPS.agents,
  SLUICE_ROLE_VIEWERS: GROUPS.viewers,
};

/** Fresh each time, since tests move people about. By first name in lower case. */
export function makePeople() {
  const person = (sub, name, ...groups) => {
    const email = `${name.split(" ")[0].toLowerCase()}@hosting.example`;
    return { sub, name, email, email_verified: true, groups };
  };
  return {
    alma: person("u-1001", "Alma Castell", GROUPS.admins),
    lev: person("u-1002", "Lev Ostrander", GROUPS.leads),
    greta: person("u-1003", "Greta Lindqvist", GROUPS.agents, "everyone"),
    vito: person("u-1004", "Vito Marchetti", GROUPS.viewers),
    // In the directory, but in none of our groups.
    nils: person("u-1005", "Nils Holm", "everyone"),
  };
}
