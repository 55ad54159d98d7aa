/* Linked into the static program only (deploy/static), where glibc would otherwise reach for files of the machine
 * that it runs on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <nss.h>
#include <string.h>
#include <sys/random.h>

/* Host names: glibc loads the modules that /etc/nsswitch.conf lists, from a glibc that may be another one or none.
 * These two are built in: /etc/hosts, and the servers of /etc/resolv.conf. */
__attribute__((constructor)) static void look_names_up_alone(void)
{
    __nss_configure_lookup("hosts", "files dns");
}

/* A static program has no table of symbols, so whoever asks for one by name finds none. The crate getrandom does, and
 * would read /dev/urandom instead, which a bare root directory does not have. */
void *dlsym(void *handle, const char *name)
{
    (void)handle;
    return strcmp(name, "getrandom") == 0 ? (void *)getrandom : NULL;
}
