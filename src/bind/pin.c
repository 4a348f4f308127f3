#include "bind/pin.h"

#include <dlfcn.h>
#include <stddef.h>

void itr_pin_library_of(const void *address)
{
    Dl_info info;
    void *handle = NULL;

    if (dladdr(address, &info) != 0 && info.dli_fname != NULL)
        handle = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    (void)handle; /* NULL: linked into the program, which stays anyway; else kept on purpose */
}
