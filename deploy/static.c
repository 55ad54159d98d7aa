/* Linked into the static program only (deploy/static), where glibc would otherwise use files of the machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <nss.h>
#include <string.h>
#include <sys/random.h>

/* Host names: glibc loads the modules that /etc/nsswitch.conf lists, from a glibc that may be another version or missing.
 * These two are built in: /etc/hosts, and the servers of /etc/resolv.conf. */
__attribute__((constructor)) static void use_builtin_name_lookup(void)
{
    __nss_configure_lookup("hosts", "files dns");
}

/* A static program has no symbol table, so looking up a symbol by name fails. The crate getrandom does that, and would
 * then read /dev/urandom, which a bare root directory does not have. */
void *dlsym(void *handle, const char *name)
{
    (void)handle;
    return strcmp(name, "getrandom") == 0 ? (void *)getrandom : NULL;
}
