#include "transport/curl_global.h"

#include <curl/curl.h>
#include <pthread.h>

/* The newest version whose features are built in when the headers have it (CURLOPT_QUICK_EXIT). */
#define NEWEST_NEEDED 0x075700
#define NEEDED (LIBCURL_VERSION_NUM < NEWEST_NEEDED ? LIBCURL_VERSION_NUM : NEWEST_NEEDED)

static CURLcode result;

static void init(void)
{
    result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum itr_status itr_curl_global_init(struct itr_error *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

    if (v->version_num < NEEDED)
        return itr_error_set(e, ITR_CONFIG, "built with libcurl %s, but here is %s",
                             LIBCURL_VERSION, v->version);
    pthread_once(&once, init);
    if (result != CURLE_OK)
        return itr_error_set(e, ITR_NOMEM, "libcurl cannot start: %s", curl_easy_strerror(result));
    return ITR_OK;
}

const char *itr_curl_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}
