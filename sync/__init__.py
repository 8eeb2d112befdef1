"""What crosses between gate and centre (`wire`), the queue (`outbox`), the sender, and the centre (`collector`)."""
