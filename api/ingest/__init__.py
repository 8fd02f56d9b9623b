"""The doors for other people's software: analytics SDKs (`sdk`), and CloudEvents over HTTP (`events`). Every route:

POST   /v1/alias                                                      sdk.alias
POST   /v1/batch                                                      sdk.batch
POST   /v1/events                                                     events.send_events
POST   /v1/group                                                      sdk.group
POST   /v1/identify                                                   sdk.identify
POST   /v1/import                                                     sdk.import_
POST   /v1/page                                                       sdk.page
GET    /v1/received                                                   received.list_received
POST   /v1/screen                                                     sdk.screen
POST   /v1/track                                                      sdk.track

What they send is read by `domain.formats`; what is special about these doors as HTTP is here: keys in other places,
compressed bodies, browsers of other sites.
"""
