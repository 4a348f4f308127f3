#include "transport/curl_global.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>

/* The newest version whose features are built in when the headers have it (CURLOPT_QUICK_EXIT). */
#define NEWEST_NEEDED 0x075700
#define NEEDED (LIBCURL_VERSION_NUM < NEWEST_NEEDED ? LIBCURL_VERSION_NUM : NEWEST_NEEDED)

/* One that failed (a malloc) is tried again by the next caller. */
static CURLcode init_once(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool done;
    CURLcode result = CURLE_OK;

    pthread_mutex_lock(&lock);
    if (!done)
        result = curl_global_init(CURL_GLOBAL_DEFAULT);
    done = done || result == CURLE_OK;
    pthread_mutex_unlock(&lock);
    return result;
}

enum itr_status itr_curl_global_init(struct itr_error *e)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    CURLcode result;

    if (v->version_num < NEEDED)
        return itr_error_set(e, ITR_CONFIG,
                             "libcurl %s is too old: this was built with %s; install that or newer",
                             v->version, LIBCURL_VERSION);
    if ((v->features & CURL_VERSION_SSL) == 0)
        return itr_error_set(e, ITR_CONFIG,
                             "libcurl %s was built without TLS, which a gateway needs", v->version);
    if ((result = init_once()) != CURLE_OK)
        return itr_error_set(e, ITR_NOMEM, "libcurl cannot start: %s", curl_easy_strerror(result));
    return ITR_OK;
}

const char *itr_curl_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}
