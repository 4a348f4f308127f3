#ifndef ITR_TRANSPORT_CURL_ENGINE_H
#define ITR_TRANSPORT_CURL_ENGINE_H
#include "core/bell.h"
#include "core/transport.h"
enum itr_status itr_curl_engine_open(const struct itr_transport_options *options,
                                     struct itr_bell *bell, struct itr_transport **out,
                                     struct itr_error *e);
#endif
